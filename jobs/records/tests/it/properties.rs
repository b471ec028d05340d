//! What holds for every record, not only for those somebody thought of.

use std::sync::Arc;

use gugus_records::{Columns, Header, Layout};
use proptest::prelude::*;

use crate::support;

const COLUMNS: &str = r#"
text = { type = "utf8" }
truth = { type = "bool" }
i32 = { type = "int32", required = true }
i64 = { type = "int64" }
f32 = { type = "float32" }
f64 = { type = "float64" }
time = { type = "timestamp", format = ["%m/%d/%Y %H:%M", "%Y-%m-%d"] }
iso = { type = "timestamp" }
"#;

fn layout(others: &str) -> Arc<Layout> {
    support::layout(COLUMNS, others)
}

/// Names that the job has, names that it has not, and one that no batch keeps. None of them twice.
fn names() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "text", "truth", "i32", "i64", "f32", "f64", "time", "iso"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec!["o1", "o2", "\"q\"", "_offset", ""]).prop_map(str::to_owned),
    ];
    prop::collection::btree_set(name, 1..12)
        .prop_map(|names| names.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

/// Texts that are likely to be values of some type, and any others.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<i32>().prop_map(|n| n.to_string()),
        1 => any::<i64>().prop_map(|n| format!(" {n}.0")),
        2 => any::<f64>().prop_map(|n| n.to_string()),
        1 => "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        1 => "[01]?[0-9]/[0-3]?[0-9]/20[0-9]{2} [0-9]:[0-9]{2}",
        1 => prop::sample::select(vec!["true", "False", "0", "", " ", "nan", "1e999"]).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
        1 => any::<String>(),
    ]
}

fn records() -> impl Strategy<Value = (Vec<String>, Vec<Vec<String>>)> {
    names().prop_flat_map(|names| {
        let rows = prop::collection::vec(prop::collection::vec(value(), names.len()), 1..8);
        (Just(names), rows)
    })
}

fn json(names: &[String], row: &[String]) -> Vec<u8> {
    let quote = |text: &String| serde_json::to_string(text).unwrap();
    let pairs: Vec<_> = names
        .iter()
        .zip(row)
        .map(|(name, value)| format!("{}:{}", quote(name), quote(value)))
        .collect();
    format!("{{{}}}", pairs.join(",")).into_bytes()
}

proptest! {
    #[test]
    fn json_and_csv_of_one_record_are_one_row((names, rows) in records(), drop in any::<bool>()) {
        let layout = layout(if drop { "drop" } else { "utf8" });
        let header = Header::new(&names, &layout).unwrap();
        let (mut by_json, mut by_csv) = (Columns::new(layout.clone()), Columns::new(layout));
        for row in &rows {
            let one = by_json.push_json(&json(&names, row));
            let other = by_csv.push_cells(&header, row.iter().map(|cell| cell.as_bytes()));
            prop_assert_eq!(one, other);
            prop_assert_eq!((by_json.rows(), by_json.bytes()), (by_csv.rows(), by_csv.bytes()));
        }
        prop_assert_eq!(by_json.finish().unwrap(), by_csv.finish().unwrap());
    }

    #[test]
    fn rejected_records_leave_nothing_behind((names, rows) in records()) {
        let layout = layout("utf8");
        let mut all = Columns::new(layout.clone());
        let accepted: Vec<_> = rows.iter().map(|row| json(&names, row)).filter(|record| all.push_json(record).is_ok()).collect();
        let mut clean = Columns::new(layout);
        for record in &accepted {
            clean.push_json(record).unwrap();
        }
        prop_assert_eq!(all.rows(), accepted.len());
        prop_assert_eq!(all.bytes(), clean.bytes());
        prop_assert_eq!(all.finish().unwrap(), clean.finish().unwrap());
    }

    #[test]
    fn what_came_before_a_batch_does_not_matter((names, rows) in records(), (names_before, before) in records()) {
        let layout = layout("utf8");
        let (mut used, mut fresh) = (Columns::new(layout.clone()), Columns::new(layout));
        for row in &before {
            let _ = used.push_json(&json(&names_before, row));
        }
        let _ = used.finish().unwrap();
        for row in &rows {
            prop_assert_eq!(used.push_json(&json(&names, row)), fresh.push_json(&json(&names, row)));
        }
        prop_assert_eq!(used.finish().unwrap(), fresh.finish().unwrap());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), cells in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..10)) {
        let layout = layout("utf8");
        let mut columns = Columns::new(layout.clone());
        let _ = columns.push_json(&bytes);
        if let Ok(header) = Header::new(&cells, &layout) {
            let _ = columns.push_cells(&header, cells.iter().map(Vec::as_slice));
        }
        let rows = columns.rows();
        prop_assert_eq!(columns.finish().unwrap().num_rows(), rows);
    }

    #[test]
    fn no_text_like_json_panics(text in "[{}\\[\\]\":,ti32uxo1\\\\d8e. -]{0,40}", tail in "\\PC{0,10}") {
        let mut columns = Columns::new(layout("utf8"));
        for text in [text.clone(), format!("{{\"text\":\"{text}\",\"i32\":1}}"), format!("{{\"i32\":1,\"o\":{text}{tail}}}")] {
            let _ = columns.push_json(text.as_bytes());
        }
        let rows = columns.rows();
        prop_assert_eq!(columns.finish().unwrap().num_rows(), rows);
    }
}

use gugus_spec::Job;
use proptest::prelude::*;

use crate::slots::Slots;
use crate::{Columns, Layout};

const COLUMNS: &str = r#"
    text = { type = "utf8" }
    "a b" = { type = "utf8" }
    "ключ" = { type = "utf8", required = true }
    truth = { type = "bool" }
    i32 = { type = "int32" }
    f64 = { type = "float64" }
    time = { type = "timestamp", format = ["%m/%d/%Y %H:%M", "%Y-%m-%d"] }
"#;

fn columns(others: &str) -> Columns {
    let text = format!(
        "name = \"j\"\nsource.topic = \"t\"\nsource.other_columns = \"{others}\"\n[source.columns]{COLUMNS}"
    );
    Columns::new(Layout::new(&Job::parse(&text, "test.toml").unwrap().source))
}

/// Both ways give the same answer to every record, and the same batch in the end.
fn both_ways(records: &[Vec<u8>], others: &str) -> Result<(), TestCaseError> {
    let (mut fast, mut slow) = (columns(others), columns(others));
    let (mut first, mut alone) = (columns(others), columns(others));
    for record in records {
        prop_assert_eq!(
            fast.push_json(record),
            slow.push_json_by_serde(record),
            "{}",
            String::from_utf8_lossy(record)
        );
        prop_assert_eq!((fast.rows(), fast.bytes()), (slow.rows(), slow.bytes()));
        // The first object of a longer text is read as if it stood alone.
        let longer = format!("{} ,{{\"", String::from_utf8_lossy(record));
        if let Some(Ok(end)) = first.push_first_json(&longer) {
            prop_assert_eq!(alone.push_json(&longer.as_bytes()[..end]), Ok(()));
        }
        prop_assert_eq!((first.rows(), first.bytes()), (alone.rows(), alone.bytes()));
    }
    prop_assert_eq!(first.finish().unwrap(), alone.finish().unwrap());
    prop_assert_eq!(fast.finish().unwrap(), slow.finish().unwrap());
    Ok(())
}

/// Blanks, mostly none.
fn blanks() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 2 => Just(" ".to_owned()), 1 => "[ \t\n\r]{0,3}"]
}

/// Keys of the job and others, as they stand in JSON.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["text", "a b", "ключ", "truth", "i32", "f64", "time", "o1", "o2", "_offset", ""])
            .prop_map(|key| format!("\"{key}\"")),
        1 => Just(r#""\u0074ext""#.to_owned()),
        1 => any::<String>().prop_map(|key| serde_json::to_string(&key).unwrap()),
    ]
}

/// Values of all kinds, some of them wrong.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<i32>().prop_map(|n| n.to_string()),
        2 => any::<i32>().prop_map(|n| format!("\"{n}\"")),
        2 => any::<f64>().prop_map(|n| format!("{n:e}")),
        4 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        4 => "\"[a-z \"\\\\/]{0,20}\"",
        2 => r#""(a|é|\\[nu"\\/bx]|\\u[0-9a-fA-F]{4}|\\ud83d\\ude00|\t){0,12}""#,
        2 => "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        2 => prop::sample::select(vec!["null", "true", "false", "nul", "nulls", "True", "\"\"", "\" \"", "\"1970-01-02\"", "NaN"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["[]", "{}", "[1, {\"a\": [\"]}\"]}]", "{\"a\":1,}", "[1 2]", "[\"\\ud800\"]", "[[[["])
            .prop_map(str::to_owned),
    ]
}

fn record() -> impl Strategy<Value = String> {
    let pair = (blanks(), key(), blanks(), blanks(), value(), blanks())
        .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
    let required = value().prop_map(|value| format!("\"ключ\":{value}"));
    let tail = prop_oneof![8 => Just(""), 1 => Just(" \n"), 1 => Just("x"), 1 => Just("}"), 1 => Just(",")];
    (blanks(), prop::collection::vec(pair, 0..9), required, tail).prop_map(
        |(blanks, mut pairs, required, tail)| {
            pairs.push(required);
            format!("{blanks}{{{}}}{tail}", pairs.join(","))
        },
    )
}

/// One byte replaced, put in or taken away.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"{}[]\",:\\ 019.-+eEntfu\n\t\x1f\x7f".to_vec())
    ];
    (record(), any::<prop::sample::Index>(), byte, 0..3).prop_map(|(record, at, byte, how)| {
        let mut bytes = record.into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => {
                bytes.remove(at);
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn records_are_read_as_serde_json_reads_them(
        records in prop::collection::vec(prop_oneof![3 => record().prop_map(String::into_bytes), 2 => mutated()], 1..6),
        others in prop::sample::select(vec!["utf8", "drop"]),
    ) {
        both_ways(&records, others)?;
        // Once more, now that the order of the keys is known.
        both_ways(&[records.clone(), records].concat(), others)?;
    }

    #[test]
    fn torn_records_are_read_as_serde_json_reads_them(record in record(), at in any::<prop::sample::Index>()) {
        let torn = record.as_bytes()[..at.index(record.len())].to_vec();
        both_ways(&[record.into_bytes(), torn], "utf8")?;
    }
}

#[test]
fn every_byte_ends_a_string_or_does_not_wherever_it_stands() {
    for byte in 0..=u8::MAX {
        for at in 0..20 {
            for length in at + 1..24 {
                let mut bytes = vec![b'a'; length];
                bytes[at] = byte;
                let expected = if super::is_plain(byte) { length } else { at };
                assert_eq!(
                    super::plain(&bytes, 0),
                    expected,
                    "{byte} at {at} of {length}"
                );
            }
        }
    }
}

#[test]
fn well_formed_records_take_the_fast_way() {
    for record in [
        "{}",
        " { } ",
        r#"{"text":"x","i32":-1.5e+3,"a b": null , "truth" : false,"n":{"a":[1]},"o":[],"e":"\u00e9\n\"","f":true,"z":0}"#,
    ] {
        let columns = columns("utf8");
        let mut slots = Slots::new(columns.layout().clone());
        slots.begin();
        assert!(super::scan(record, &mut slots).is_some(), "{record}");
    }
}

#[test]
fn the_first_object_of_a_text_is_cut_and_read() {
    let mut columns = columns("drop");
    let text = r#"{"ключ":"a}","i32":1} , {"ключ":"b","i32":"x"},[1],{"ключ":1"#;
    let cut = |columns: &mut Columns, at: usize| columns.push_first_json(&text[at..]);
    assert_eq!(cut(&mut columns, 0), Some(Ok(text.find(" ,").unwrap())));
    let second = text.find(", {").unwrap() + 2;
    assert!(matches!(cut(&mut columns, second), Some(Err(_))));
    for other in [text.find("[1]").unwrap(), text.rfind('{').unwrap(), 1] {
        assert_eq!(cut(&mut columns, other), None, "{other}");
    }
    assert_eq!(columns.rows(), 1);
}

#[test]
fn deep_values_are_as_deep_as_serde_json_lets_them_be() {
    for depth in [1, 127, 128, 129, 5000] {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let record = format!("{{\"ключ\":{value}}}").into_bytes();
        both_ways(&[record], "utf8").unwrap();
    }
}

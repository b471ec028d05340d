//! How many records a second become rows, by the time of one thread: JSON like the LAPD's (28 strings, all columns typed
//! by `crime.toml`), the same when a job needs only two columns, and the same as CSV. All data is made up. Run with
//! `cargo run --release -p gugus-records --example push_rate`; the name of a case runs it alone.

use std::sync::Arc;
use std::time::Instant;

use gugus_records::{Columns, Header, Layout};
use gugus_spec::Job;

/// As many as a fetch from Kafka holds, about a megabyte, which a processor keeps near.
const RECORDS: usize = 2000;
/// The best counts: the machine may have other things to do.
const ROUNDS: usize = 8;
/// How often a round pushes all records: the system counts a thread's time in steps of some milliseconds.
const PASSES: usize = 100;
const ROWS_OF_A_BATCH: usize = 1000;

/// What a job needs that looks only at the place.
const PLACE: &str = r#"
LAT = { type = "float64", required = true }
LON = { type = "float64", required = true }
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crime.toml");
    let all = Layout::new(&Job::from_file(path.as_ref())?.source);
    let place = |others: &str| {
        let text = format!(
            "name = \"place\"\nsource.topic = \"t\"\nsource.other_columns = \"{others}\"\n[source.columns]{PLACE}"
        );
        Job::parse(&text, "place.toml").map(|job| Layout::new(&job.source))
    };
    let names: Vec<&str> = all.fields().iter().map(|f| f.name().as_str()).collect();
    let rows: Vec<Vec<String>> = (0..RECORDS).map(record).collect();
    let json: Vec<String> = rows.iter().map(|row| object(&names, row)).collect();
    let header = Header::new(&names, &all)?;

    let only = std::env::args().nth(1);
    let run = |case: &str, layout: &Arc<Layout>, push: &Push<'_>| {
        if only.as_deref().is_some_and(|only| only != case) {
            return Ok(());
        }
        let seconds = best(layout, push)?;
        println!(
            "{case:10} {:9.0} records/s, {:4.0} ns each",
            RECORDS as f64 / seconds,
            seconds * 1e9 / RECORDS as f64
        );
        Ok::<(), Box<dyn std::error::Error>>(())
    };
    let push_json: &Push<'_> = &|columns, i| Ok(columns.push_json(json[i].as_bytes())?);
    run("json", &all, push_json)?;
    run("json-keep", &place("utf8")?, push_json)?;
    run("json-drop", &place("drop")?, push_json)?;
    run("cells", &all, &|columns, i| {
        Ok(columns.push_cells(&header, rows[i].iter().map(|cell| cell.as_bytes()))?)
    })
}

/// Pushes the record of a number.
type Push<'p> = dyn Fn(&mut Columns, usize) -> Result<(), Box<dyn std::error::Error>> + 'p;

/// As Python's `json.dumps` writes it, with blanks; Kafka producers in other languages leave them out.
fn object(names: &[&str], row: &[String]) -> String {
    let pairs: Vec<_> = names
        .iter()
        .zip(row)
        .map(|(name, cell)| format!("{name:?}: {cell:?}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Seconds of the fastest round, of this thread's own time where the system tells it: other work on the machine does
/// not count then.
fn best(layout: &Arc<Layout>, push: &Push<'_>) -> Result<f64, Box<dyn std::error::Error>> {
    let mut columns = Columns::new(layout.clone());
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let (start, began) = (Instant::now(), own_seconds());
        for i in (0..PASSES).flat_map(|_| 0..RECORDS) {
            push(&mut columns, i)?;
            if columns.rows() == ROWS_OF_A_BATCH {
                columns.finish()?;
            }
        }
        let seconds = match (began, own_seconds()) {
            (Some(began), Some(ended)) => ended - began,
            _ => start.elapsed().as_secs_f64(),
        };
        best = best.min(seconds);
    }
    Ok(best / PASSES as f64)
}

/// Seconds that this thread has been running on a processor; Linux only.
fn own_seconds() -> Option<f64> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = times.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

/// A record that varies as the real ones do: both formats of dates, some cells empty.
fn record(i: usize) -> Vec<String> {
    let time = if i.is_multiple_of(3) {
        "00:00"
    } else {
        "12:00:00 AM"
    };
    let date = |shift: usize| {
        format!(
            "{:02}/{:02}/2020 {time}",
            (i + shift) % 12 + 1,
            (i / 12 + shift) % 28 + 1
        )
    };
    let some = |every: usize, text: &str| {
        if i.is_multiple_of(every) {
            text.to_owned()
        } else {
            String::new()
        }
    };
    vec![
        format!("{:09}", 200_000_000 + i),
        date(1),
        date(0),
        format!("{:02}{:02}", i % 24, i % 60),
        format!("{:02}", i % 21 + 1),
        "Made Up Division".to_owned(),
        format!("{:04}", i % 2200),
        (i % 2 + 1).to_string(),
        (110 + i % 846).to_string(),
        "THEFT OF SOMETHING MADE UP ($950 & UNDER)".to_owned(),
        "0444 0913 1822".to_owned(),
        (i % 99).to_string(),
        "F".to_owned(),
        "H".to_owned(),
        (101 + i % 800).to_string(),
        "MULTI-UNIT DWELLING (MADE UP, AS ALL OF THIS)".to_owned(),
        some(3, "400"),
        some(3, "STRONG-ARM (HANDS, FIST, FEET OR BODILY FORCE)"),
        "IC".to_owned(),
        "Invest Cont".to_owned(),
        (110 + i % 846).to_string(),
        some(15, "998"),
        String::new(),
        String::new(),
        format!("{} S  MADE UP                      AV", 100 * (i % 99)),
        some(5, "NOWHERE                      ST"),
        format!("{:.4}", 33.7 + (i % 6000) as f64 / 1e4),
        format!("{:.4}", -118.6 + (i % 4000) as f64 / 1e4),
    ]
}

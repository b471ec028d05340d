//! How many records a second become rows, on JSON like the LAPD's: 28 strings, 21 of them to be parsed or kept as typed
//! columns of the job, all made up. Run with `cargo run --release -p gugus-records --example push_rate`.

use std::time::Instant;

use gugus_records::{Columns, Header, Layout};
use gugus_spec::Job;

const RECORDS: usize = 200_000;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crime.toml");
    let layout = Layout::new(&Job::from_file(path.as_ref())?.source);
    let names: Vec<String> = layout
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let rows: Vec<Vec<String>> = (0..RECORDS).map(record).collect();
    let json: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| {
            let pairs: serde_json::Map<_, _> = names
                .iter()
                .cloned()
                .zip(row.iter().map(|cell| cell.as_str().into()))
                .collect();
            serde_json::to_vec(&pairs)
        })
        .collect::<Result<_, _>>()?;
    let bytes: usize = json.iter().map(Vec::len).sum();

    // Batches of 1,000 rows, the best of some rounds: the machine may have other things to do.
    let mut columns = Columns::new(layout.clone());
    let best = best_of(|| {
        for (i, record) in json.iter().enumerate() {
            columns.push_json(record)?;
            if i % 1000 == 999 {
                columns.finish()?;
            }
        }
        Ok(())
    })?;
    println!(
        "push_json  {:9.0} records/s, {:4.0} MB/s",
        RECORDS as f64 / best,
        bytes as f64 / best / 1e6
    );

    let header = Header::new(&names, &layout)?;
    let best = best_of(|| {
        for (i, row) in rows.iter().enumerate() {
            columns.push_cells(&header, row.iter().map(|cell| cell.as_bytes()))?;
            if i % 1000 == 999 {
                columns.finish()?;
            }
        }
        Ok(())
    })?;
    println!("push_cells {:9.0} records/s", RECORDS as f64 / best);
    Ok(())
}

/// Seconds of the fastest round, of this thread's own time where the system tells it: other work on the machine does
/// not count then.
fn best_of(
    mut round: impl FnMut() -> Result<(), Box<dyn std::error::Error>>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let (start, began) = (Instant::now(), own_seconds());
        round()?;
        let seconds = match (began, own_seconds()) {
            (Some(began), Some(ended)) => ended - began,
            _ => start.elapsed().as_secs_f64(),
        };
        best = best.min(seconds);
    }
    Ok(best)
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

//! Files that chance has damaged. Nothing panics or hangs, and each line of CSV and JSON is in an accepted row or in a reject.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gugus_ingest::infer;

use crate::import_files::{gzip, parquet};
use crate::support::*;

/// How many files are tried. `GUGUS_TEST_MUTATIONS` names another number.
const FILES: u64 = 300;

/// The longest that one file may take, also on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);

/// Bytes that mean something to some reader.
const SPECIAL: &[u8] = b"\"\"\\,;{}[]:\r\n\0\xff ";

/// Draws that a seed repeats (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % end
    }
}

fn mutate(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..1 + random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let special = SPECIAL[random.below(SPECIAL.len())];
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = special,
            3 => bytes.insert(at, special),
            4 => drop(bytes.remove(at)),
            _ => {
                // A line comes twice.
                let end = bytes[at..].iter().position(|byte| *byte == b'\n');
                let line = bytes[at..end.map_or(bytes.len(), |end| at + end + 1)].to_vec();
                bytes.splice(at..at, line);
            }
        }
    }
    bytes
}

/// The marks in a text: `<17>` marks line 17.
fn marks(text: &[u8]) -> BTreeSet<Vec<u8>> {
    let begins = text.iter().enumerate().filter(|(_, byte)| **byte == b'<');
    let mark = |(at, _): (usize, &u8)| {
        let rest = &text[at..];
        let digits = rest[1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (digits > 0 && rest.get(digits + 1) == Some(&b'>')).then(|| rest[..digits + 2].to_vec())
    };
    begins.filter_map(mark).collect()
}

#[tokio::test]
async fn nothing_is_lost_of_files_that_chance_has_damaged() {
    let files = std::env::var("GUGUS_TEST_MUTATIONS").ok();
    let files = files.map_or(FILES, |number| number.parse().unwrap());
    let columns = "x = { type = \"float64\" }\nnote = { type = \"utf8\" }";
    let job = job("points", "t", columns, "rows = 5");
    let csv: String = (0..20)
        .map(|n| format!("{n},\"<{n}> \"\"a\"\", b\"\n"))
        .collect();
    let csv = format!("x,note\n{csv}").into_bytes();
    let lines: String = (0..20)
        .map(|n| format!("{{\"x\":{n},\"note\":\"<{n}>\"}}\n"))
        .collect();
    let array = format!("[{}]", lines.trim().replace('\n', ",\n")).into_bytes();
    let table = parquet(&[point_rows(0..20).await]);
    let kinds = [
        ("a.csv", csv.clone()),
        ("a.jsonl", lines.clone().into_bytes()),
        ("a.json", array),
        ("a.csv.gz", gzip(&csv)),
        ("a.jsonl.gz", gzip(lines.as_bytes())),
        ("a.parquet", table),
    ];
    for seed in 0..files {
        let mut random = Random(seed);
        let (name, bytes) = &kinds[random.below(kinds.len())];
        let bytes = mutate(&mut random, bytes.clone());
        let folder = Folder::new();
        let file = folder.write(name, &bytes);
        let begun = Instant::now();
        let imported = run_import(import(&folder, &job, &[&file])).await;
        let config = infer::Config {
            file,
            rows: 100,
            name: None,
        };
        // An error is an answer.
        let _ = infer::run(&config);
        assert!(begun.elapsed() < LONGEST, "seed {seed}");
        let is_text = matches!(*name, "a.csv" | "a.jsonl" | "a.json");
        if imported.is_err() || !is_text {
            continue;
        }
        // The first line of CSV is its header, with whatever marks damage has brought there.
        let rows = match *name {
            "a.csv" => bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0),
            _ => 0,
        };
        let mut kept = BTreeSet::new();
        for rows in folder.rows().await {
            let schema = rows.schema();
            // What a batch adds holds no text of the file.
            for column in schema
                .fields()
                .iter()
                .filter(|c| !c.name().starts_with('_'))
            {
                let array = &rows[column.name().as_str()];
                for row in 0..rows.num_rows() {
                    let text = arrow::util::display::array_value_to_string(array, row);
                    kept.extend(marks(text.unwrap().as_bytes()));
                }
            }
        }
        for (_, value, _) in folder.rejects().await {
            kept.extend(marks(&value.unwrap()));
        }
        let all = marks(&bytes[rows..]);
        let lost: Vec<_> = all
            .difference(&kept)
            .map(|m| String::from_utf8_lossy(m))
            .collect();
        let text = String::from_utf8_lossy(&bytes);
        assert!(lost.is_empty(), "seed {seed}: {lost:?} of {name}:\n{text}");
    }
}

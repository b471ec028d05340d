//! Damaged files: truncated, with bytes changed, with lines doubled. `batches import` and `job infer` end in time, and
//! every line of CSV or JSON is in an accepted row or a reject.
//!
//! A seed and the number of a case decide the file and its damage. `GUGUS_CHAOS_CASES` says how many cases a seed has.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use gugus_files::Store;
use gugus_ingest::import::{self, Cut, Repeat};
use gugus_ingest::{Error, infer};
use gugus_progress::Progress;
use gugus_spec::Job;
use parquet::arrow::ArrowWriter;
use tokio_util::sync::CancellationToken;

use super::{cases, in_time};
use crate::kit::batch_files;
use crate::kit::draw::Draw;
use crate::kit::same::short;

/// Cases of one seed: a few seconds in a debug build.
const CASES: u64 = 200;

const JOB: &str = "name = \"damage\"\n[source]\ntopic = \"damage\"\n[source.columns]\n\"n\" = { type = \"int64\" }\n\
                   \"x\" = { type = \"float64\" }\n\"text\" = { type = \"utf8\" }\n[batches]\nrows = 20\n";

/// What a file is named, and so what it is.
const NAMES: [&str; 5] = [
    "in.csv",
    "in.csv.gz",
    "in.jsonl",
    "in.jsonl.gz",
    "in.parquet",
];

#[test]
fn no_damage_to_a_file_hides_a_line_or_stops_a_command() {
    cases(CASES, 21, |draw| {
        let name = NAMES[draw.below(NAMES.len())];
        let file = damaged(name, draw);
        let shown = short(&String::from_utf8_lossy(&file));
        let problems = in_time(move || problems(name, &file));
        let problems = problems.map_or_else(|problem| problem, |problems| problems.join("\n"));
        match problems.is_empty() {
            true => Ok(()),
            false => Err(format!("{name}\n{problems}\n--- the file\n{shown}")),
        }
    });
}

/// The word by which the row `n` is known in whatever becomes of it.
fn tag(n: usize) -> String {
    format!("t{n:06}")
}

/// A file of this name, with damage.
fn damaged(name: &str, draw: &mut Draw) -> Vec<u8> {
    let rows = 5 + draw.below(60);
    let mut bytes = match name {
        "in.parquet" => parquet(rows),
        _ if name.contains("csv") => csv(rows, draw).into_bytes(),
        _ => (0..rows).map(json).collect::<String>().into_bytes(),
    };
    let zipped = name.ends_with(".gz");
    // The damage of a compressed file is inside it or outside of it.
    let (inside, outside) = match (zipped, draw.chance(50)) {
        (false, _) | (true, true) => (1 + draw.below(3), 0),
        (true, false) => (0, 1 + draw.below(2)),
    };
    (0..inside).for_each(|_| damage(&mut bytes, draw));
    if zipped {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zip.write_all(&bytes).unwrap();
        bytes = zip.finish().unwrap();
    }
    (0..outside).for_each(|_| damage(&mut bytes, draw));
    bytes
}

fn csv(rows: usize, draw: &mut Draw) -> String {
    let end = ["\n", "\r\n"][draw.below(2)];
    let row = |n: usize| {
        let tag = tag(n);
        let text = match n % 4 {
            0 => format!("\"{tag}, quoted\""),
            1 => format!("\"{tag} \"\"twice\"\"\""),
            _ => tag,
        };
        format!("{n},{},{text}{end}", n as f64 / 8.0)
    };
    format!("n,x,text{end}{}", (0..rows).map(row).collect::<String>())
}

fn json(n: usize) -> String {
    let text = serde_json::json!(format!("{} \"größer\"", tag(n)));
    format!(
        "{{\"n\":{n},\"x\":\"{}\",\"text\":{text}}}\n",
        n as f64 / 8.0
    )
}

fn parquet(rows: usize) -> Vec<u8> {
    let columns: [(&str, Arc<dyn Array>); 3] = [
        ("n", Arc::new(Int64Array::from_iter_values(0..rows as i64))),
        (
            "x",
            Arc::new(Float64Array::from_iter_values((0..rows).map(|n| n as f64))),
        ),
        (
            "text",
            Arc::new(StringArray::from_iter_values((0..rows).map(tag))),
        ),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

/// Characters that mean something to one of the formats.
const ODD: &[u8] = b"\"\\,;\t\n\r{}[]:'\0\xff\xef -+.eN0";

/// One piece of damage.
pub(super) fn damage(bytes: &mut Vec<u8>, draw: &mut Draw) {
    if bytes.is_empty() {
        return;
    }
    let at = draw.below(bytes.len());
    match draw.below(8) {
        0 => bytes.truncate(at),
        1 | 2 => bytes[at] = ODD[draw.below(ODD.len())],
        3 => bytes[at] ^= 1 << draw.below(8),
        4 => bytes.insert(at, ODD[draw.below(ODD.len())]),
        5 => {
            bytes.remove(at);
        }
        6 => {
            let end = bytes.len().min(at + draw.below(40));
            bytes.drain(at..end);
        }
        _ => {
            // A line, or what stands between two bytes that happen to be line ends, stands twice.
            let begin = bytes[..at]
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |p| p + 1);
            let end = bytes[at..].iter().position(|b| *b == b'\n');
            let end = end.map_or(bytes.len(), |end| at + end + 1);
            let line = bytes[begin..end].to_vec();
            bytes.splice(begin..begin, line);
        }
    }
}

/// What is wrong with what the commands make of a file.
fn problems(name: &str, bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    let mut problems = Vec::new();
    if name.contains("csv") {
        let config = infer::Config {
            file: file.clone(),
            rows: 10_000,
            name: Some("damage".to_owned()),
        };
        match infer::run(&config) {
            Ok(text) => problems.extend(
                Job::parse(&text, "inferred.toml")
                    .err()
                    .map(|error| format!("the inferred job is refused: {error}\n{text}")),
            ),
            Err(error) => problems.extend(panic_in(&error)),
        }
    }
    let batches = folder.path().join("batch");
    match import(&batches, file) {
        Err(error) => problems.extend(panic_in(&error)),
        // Damage in a compressed file ends an import. What is left of the lines is not for us to know.
        Ok(()) if name.ends_with(".gz") || name.ends_with(".parquet") => {}
        Ok(()) => problems.extend(unaccounted(name, bytes, &batches)),
    }
    problems
}

fn import(batches: &Path, file: PathBuf) -> Result<(), Error> {
    let config = import::Config {
        job: Job::parse(JOB, "damage.toml").unwrap(),
        store: Store::open(batches.to_str().unwrap()).unwrap(),
        files: vec![file],
        cut: Cut::ByRows,
        repeat: Repeat::Refuse,
        progress: Progress::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let imported = import::run(config, CancellationToken::new());
    runtime.unwrap().block_on(imported).map(drop)
}

/// A panic of a thread becomes an error of the command.
fn panic_in(error: &Error) -> Option<String> {
    let text = gugus_error::chain(error);
    text.contains("panic").then_some(text)
}

/// Lines of a file that are in no accepted row and no reject, and rows that swallowed more than their own line.
fn unaccounted(name: &str, file: &[u8], batches: &Path) -> Vec<String> {
    let file = String::from_utf8_lossy(file);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for number in batch_files::numbers(batches) {
        let (rows, footer) = batch_files::open(&batches.join(batch_files::file_name(number)));
        for (n, text) in rows.iter().flat_map(texts) {
            let mut tags: Vec<String> = tags(&text).map(str::to_owned).collect();
            if tags.len() > 1 && quotes_between(&file, &tags) % 2 == 1 {
                problems.push(format!("one row swallowed the lines of {tags:?}"));
            }
            if tags.is_empty() {
                // Its text is damaged or belongs to another column, but its number says which line it was.
                tags.extend(n.and_then(|n| usize::try_from(n).ok()).map(tag));
            }
            for tag in tags {
                *found.entry(tag).or_default() += 1;
            }
        }
        if let Some(rejects) = footer["rejected"]["file"].as_str() {
            let (rows, _) = batch_files::open(&batches.join(rejects));
            for rows in &rows {
                let values = rows.column_by_name("value").unwrap().as_binary::<i32>();
                for value in values.iter().flatten() {
                    for tag in tags(&String::from_utf8_lossy(value)) {
                        *found.entry(tag.to_owned()).or_default() += 1;
                    }
                }
            }
        }
    }
    // Damage may make a record the header, which is no record then.
    let header = usize::from(name.ends_with("csv"));
    for line in file.split('\n').skip(header) {
        // Damage may make one line of two. Of a key that stands twice, a row has the last value.
        let tags: Vec<&str> = tags(line).collect();
        let left = tags
            .iter()
            .rev()
            .find(|tag| found.get(**tag).is_some_and(|left| *left > 0));
        match left.and_then(|tag| found.get_mut(*tag)) {
            Some(left) => *left -= 1,
            None if tags.is_empty() => {}
            None => problems.push(format!("the line of {tags:?} is in no row and no reject")),
        }
    }
    problems
}

/// The tags of a text: `t` and six digits.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    let begins = text.match_indices('t').map(|(at, _)| at);
    let tags = begins.filter_map(|at| text.get(at..at + 7));
    tags.filter(|tag| tag[1..].bytes().all(|byte| byte.is_ascii_digit()))
}

/// How many quotes stand in the lines of the first and the last of these tags and between them. A quoted cell may have
/// line ends, but then it is closed.
fn quotes_between(file: &str, tags: &[String]) -> usize {
    let places = || tags.iter().filter_map(|tag| file.find(tag));
    let (Some(first), Some(last)) = (places().min(), places().max()) else {
        return 0;
    };
    let begin = file[..first].rfind('\n').unwrap_or(0);
    let end = file[last..].find('\n').map_or(file.len(), |end| last + end);
    file[begin..end].matches('"').count()
}

/// Each row of a batch: its number, and all its values as text.
fn texts(rows: &RecordBatch) -> Vec<(Option<i64>, String)> {
    let options = FormatOptions::default();
    let columns = rows.columns().iter();
    let columns: Vec<_> = columns
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let n = rows.column_by_name("n").unwrap();
    let n = n.as_primitive::<arrow::datatypes::Int64Type>();
    let text = |at: usize| {
        let values = columns.iter().map(|column| column.value(at).to_string());
        values.collect::<Vec<_>>().join(" ")
    };
    (0..rows.num_rows())
        .map(|at| (n.is_valid(at).then(|| n.value(at)), text(at)))
        .collect()
}

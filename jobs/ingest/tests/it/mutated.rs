//! Files with seeded damage: `batches import` and `job infer` end in time, and every line of CSV or JSON is in an accepted
//! row or a reject.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Field;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use gugus_damage::{Draw, cases, damaged, in_time};
use gugus_ingest::{Error, infer};

use crate::csv_again;
use crate::import_files::{gzip, parquet};
use crate::support::*;

/// Cases of one seed, for each format: about two seconds in a debug build.
const CASES: u64 = 100;

const COLUMNS: &str =
    "n = { type = \"int64\" }\nx = { type = \"float64\" }\ntext = { type = \"utf8\" }";

/// Stands for the tag of a row that has neither a text nor a number.
const NAMELESS: &str = "nameless";

#[test]
fn csv_with_damage() {
    no_damage_hides_a_line(71, &["in.csv", "in.csv", "in.csv.gz"]);
}

#[test]
fn json_with_damage() {
    no_damage_hides_a_line(72, &["in.jsonl", "in.jsonl", "in.json", "in.jsonl.gz"]);
}

#[test]
fn parquet_with_damage() {
    no_damage_hides_a_line(73, &["in.parquet"]);
}

/// The names say what the files are.
fn no_damage_hides_a_line(purpose: u64, names: &'static [&str]) {
    cases(CASES, purpose, |draw| {
        let name = names[draw.below(names.len())];
        let file = damaged_file(name, draw);
        let shown = String::from_utf8_lossy(&file).into_owned();
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
fn damaged_file(name: &str, draw: &mut Draw) -> Vec<u8> {
    let rows = 5 + draw.below(60);
    let lines = || (0..rows).map(json).collect::<String>();
    let whole = match name {
        "in.parquet" => table(rows),
        "in.json" => format!("[{}]", lines().trim().replace('\n', ",\n")).into_bytes(),
        _ if name.contains("csv") => csv(rows, draw).into_bytes(),
        _ => lines().into_bytes(),
    };
    // The damage of a compressed file is inside it or outside of it.
    match name.ends_with(".gz") {
        true if draw.chance(50) => damaged(&gzip(&whole), draw),
        true => gzip(&damaged(&whole, draw)),
        false => damaged(&whole, draw),
    }
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
    let x = n as f64 / 8.0;
    format!("{{\"n\":{n},\"x\":\"{x}\",\"text\":{text}}}\n")
}

fn table(rows: usize) -> Vec<u8> {
    let n = Int64Array::from_iter_values(0..rows as i64);
    let x = Float64Array::from_iter_values((0..rows).map(|n| n as f64));
    let text = StringArray::from_iter_values((0..rows).map(tag));
    let columns: [(&str, Arc<dyn Array>); 3] = [
        ("n", Arc::new(n)),
        ("x", Arc::new(x)),
        ("text", Arc::new(text)),
    ];
    parquet(&[RecordBatch::try_from_iter(columns).unwrap()])
}

/// What is wrong with what the commands make of a file.
#[tokio::main(flavor = "current_thread")]
async fn problems(name: &str, bytes: &[u8]) -> Vec<String> {
    let folder = Folder::new();
    let file = folder.write(name, bytes);
    let mut problems = Vec::new();
    let config = infer::Config {
        file: file.clone(),
        rows: 10_000,
        name: Some("damage".to_owned()),
    };
    match infer::run(&config) {
        Ok(text) => problems.extend(
            gugus_spec::Job::parse(&text, "inferred.toml")
                .err()
                .map(|error| format!("the inferred job is refused: {error}\n{text}")),
        ),
        Err(error) => problems.extend(panic_in(&error)),
    }
    let job = job("damage", "damage", COLUMNS, "rows = 20");
    match run_import(import(&folder, &job, &[&file])).await {
        Err(error) => problems.extend(panic_in(&error)),
        // Damage in a compressed file ends an import. What is left of the lines is not for us to know.
        Ok(_) if name.ends_with(".gz") || name.ends_with(".parquet") => {}
        Ok(_) if name.ends_with(".csv") => {
            problems.extend(csv_again::misread(bytes, &folder).await)
        }
        Ok(_) => problems.extend(unaccounted(bytes, &folder).await),
    }
    problems
}

/// A panic of a thread becomes an error of the command.
fn panic_in(error: &Error) -> Option<String> {
    let text = gugus_error::chain(error);
    text.contains("panic").then_some(text)
}

/// Lines of a file of JSON that are in no accepted row and no reject, and rows that swallowed more than their own line.
async fn unaccounted(file: &[u8], folder: &Folder) -> Vec<String> {
    let file = String::from_utf8_lossy(file);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for (n, text) in folder.rows().await.iter().flat_map(row_texts) {
        let mut tags: Vec<String> = tags(&text).map(str::to_owned).collect();
        // Where a copied tag comes from cannot be told.
        let copied = |tag: &String| file.matches(tag.as_str()).count() > 1;
        let is_told = tags.len() > 1 && !tags.iter().any(copied);
        if is_told && quotes_between(&file, &tags) % 2 == 1 {
            problems.push(format!("one row swallowed the lines of {tags:?}"));
        }
        if tags.is_empty() {
            // Its text is damaged or belongs to another column, but its number says which line it was.
            let number = n.and_then(|n| usize::try_from(n).ok());
            tags.push(number.map_or_else(|| NAMELESS.to_owned(), tag));
        }
        for tag in tags {
            *found.entry(tag).or_default() += 1;
        }
    }
    for (_, value, _) in folder.rejects().await {
        for tag in tags(&String::from_utf8_lossy(&value.unwrap_or_default())) {
            *found.entry(tag.to_owned()).or_default() += 1;
        }
    }
    for line in file.split('\n') {
        // Damage may make one line of two. Of a key that stands twice, a row has the last value.
        let tags: Vec<&str> = tags(line).collect();
        if tags.is_empty() {
            continue;
        }
        // A row without a text is known by its number. Damage to keys leaves a row without either.
        let numbers = line.split(|c: char| !c.is_ascii_digit());
        let numbers = numbers.filter_map(|number| Some(tag(number.parse().ok()?)));
        let known_by = tags.iter().rev().map(|tag| (*tag).to_owned());
        let nameless = std::iter::once(NAMELESS.to_owned());
        let mut known_by = known_by.chain(numbers).chain(nameless);
        match known_by.find(|tag| found.get(tag).is_some_and(|left| *left > 0)) {
            Some(tag) => *found.entry(tag).or_default() -= 1,
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

/// Each row of a batch: its number, and all its values of the file as text.
fn row_texts(rows: &RecordBatch) -> Vec<(Option<i64>, String)> {
    let options = FormatOptions::default();
    let schema = rows.schema();
    let of_file = |field: &&Arc<Field>| !field.name().starts_with('_');
    let columns = schema.fields().iter().filter(of_file);
    let columns = columns.map(|field| &rows[field.name().as_str()]);
    let columns = columns.map(|column| ArrayFormatter::try_new(column, &options).unwrap());
    let columns: Vec<_> = columns.collect();
    let n = rows["n"].as_primitive::<arrow::datatypes::Int64Type>();
    let text = |at: usize| {
        let values = columns.iter().map(|column| column.value(at).to_string());
        values.collect::<Vec<_>>().join(" ")
    };
    (0..rows.num_rows())
        .map(|at| (n.is_valid(at).then(|| n.value(at)), text(at)))
        .collect()
}

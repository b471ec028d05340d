//! The text of an inferred job file.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};

use gugus_records::infer::{InferredColumn, Sample};
use gugus_spec::{BatchLimits, ColumnType, CsvFormat, JobName, RESERVED_COLUMNS, quote_identifier};

/// The job file that accepts all records of a sample. Comments in it name `file`.
pub(super) fn job_file(name: &JobName, file: &str, sample: &Sample, csv: &CsvFormat) -> String {
    let columns: Vec<_> = sample
        .columns()
        .into_iter()
        // A job cannot name these columns: every batch has columns with the reserved names, and an empty name is none.
        .filter(|c| !c.column.name.is_empty() && !RESERVED_COLUMNS.contains(&&*c.column.name))
        .collect();
    let features = features(&columns);
    let mut text = String::new();
    let head = Head {
        name,
        file,
        rows: sample.rows(),
        nulls: sample.null_values(),
        csv,
    };
    // Writing to a string cannot fail.
    let _ = write(&mut text, &head, &columns, &features);
    text
}

/// The columns to propose as features of a model.
struct Features<'c> {
    model: &'static str,
    why: &'static str,
    columns: Vec<&'c InferredColumn>,
}

impl Features<'_> {
    fn has(&self, column: &InferredColumn) -> bool {
        self.columns
            .iter()
            .any(|c| c.column.name == column.column.name)
    }
}

/// What stands above the columns.
struct Head<'h> {
    name: &'h JobName,
    file: &'h str,
    rows: u64,
    nulls: BTreeSet<&'static str>,
    csv: &'h CsvFormat,
}

fn write(
    text: &mut String,
    head: &Head<'_>,
    columns: &[InferredColumn],
    features: &Features<'_>,
) -> fmt::Result {
    let Head {
        name,
        file,
        rows,
        nulls,
        csv,
    } = head;
    writeln!(
        text,
        "# Inferred from {rows} records of {file:?}. Types are told by this sample, and a value that does not fit its type
# rejects its record: look them over.

name = {name}

[source]
topic = {topic}
# Columns that are not named below are kept as text; \"drop\" leaves them out.
other_columns = \"utf8\"
",
        name = Quoted(name.as_str()),
        topic = Quoted(&format!("{name}-topic")),
    )?;
    if !nulls.is_empty() {
        let nulls: Vec<_> = nulls.iter().map(|null| Quoted(null).to_string()).collect();
        writeln!(
            text,
            "# Texts that mean \"no value\", in every column.\nnull_values = [{}]\n",
            nulls.join(", ")
        )?;
    }
    if csv.delimiter != CsvFormat::default().delimiter {
        let delimiter = char::from(csv.delimiter).to_string();
        let delimiter = Quoted(&delimiter);
        writeln!(text, "[source.csv]\ndelimiter = {delimiter}\n")?;
    }
    writeln!(text, "[source.columns]")?;
    for column in columns {
        if let Some(note) = &column.note {
            // A note shows a value as a Rust string, so the note is a single line.
            writeln!(text, "# {note}")?;
        }
        column_line(text, column, features.has(column))?;
    }
    writeln!(
        text,
        "\n# A batch is closed at the first limit that is reached; see also bytes, max_age, idle.
[batches]
rows = {}",
        BatchLimits::DEFAULT_ROWS
    )?;
    model(text, features)
}

fn column_line(text: &mut String, column: &InferredColumn, is_feature: bool) -> fmt::Result {
    let data_type = &column.column.data_type;
    write!(
        text,
        "{} = {{ type = \"{data_type}\"",
        Quoted(&column.column.name)
    )?;
    if let ColumnType::Timestamp { formats, .. } = data_type {
        match formats.as_slice() {
            [] => {}
            [format] => write!(text, ", format = {}", Quoted(format))?,
            formats => {
                let formats: Vec<_> = formats.iter().map(|f| Quoted(f).to_string()).collect();
                write!(text, ", format = [{}]", formats.join(", "))?;
            }
        }
    }
    // A model needs its features. All other columns may be missing in records behind the sample.
    if is_feature && column.empty == 0 {
        write!(text, ", required = true")?;
    }
    writeln!(text, " }}")
}

fn model(text: &mut String, features: &Features<'_>) -> fmt::Result {
    let Features {
        model,
        why,
        columns,
    } = features;
    writeln!(text, "\n# {why}")?;
    if columns.is_empty() {
        return write!(
            text,
            "# [[models]]
# name = \"first\"
# features = [\"one column\", {{ name = \"another\", sql = 'floor(\"other column\" / 100)' }}]
# k = 5
# seed = 1
"
        );
    }
    writeln!(text, "[[models]]\nname = \"{model}\"")?;
    let sparse: Vec<_> = columns
        .iter()
        .filter(|c| c.empty > 0)
        .map(|c| format!("{} IS NOT NULL", quote_identifier(&c.column.name)))
        .collect();
    if !sparse.is_empty() {
        writeln!(text, "where = {}", Quoted(&sparse.join(" AND ")))?;
    }
    let names: Vec<_> = columns
        .iter()
        .map(|c| Quoted(&c.column.name).to_string())
        .collect();
    writeln!(text, "features = [{}]\nk = 5\nseed = 1", names.join(", "))
}

/// Latitude and longitude; without these, the first two floats; without floats, nothing.
fn features(columns: &[InferredColumn]) -> Features<'_> {
    let floats = || {
        columns
            .iter()
            .filter(|c| c.column.data_type == ColumnType::Float64)
    };
    let place = |words: &[&str], most: f64| {
        floats().find(|c| {
            names(&c.column.name, words)
                && c.range
                    .is_some_and(|(least, greatest)| -most <= least && greatest <= most)
        })
    };
    let latitude = place(&["lat", "latitude"], 90.0);
    let longitude = place(&["lon", "lng", "long", "longitude"], 180.0);
    if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
        return Features {
            model: "location",
            why: "Where: each feature is one dimension of a point.",
            columns: vec![latitude, longitude],
        };
    }
    let columns: Vec<_> = floats().take(2).collect();
    let why = if columns.is_empty() {
        "No column is a float, so no model is proposed. This is what one looks like:"
    } else {
        "The first columns that are floats: name those that mean something to you."
    };
    Features {
        model: "points",
        why,
        columns,
    }
}

/// Whether a name (`start_lat`, `Latitude`) has one of these words.
fn names(name: &str, words: &[&str]) -> bool {
    name.split(|c: char| !c.is_alphanumeric())
        .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
}

/// A text in quotes, as TOML writes it.
struct Quoted<'t>(&'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                // The overrides of direction too: a terminal is not shown them as they are.
                c if c.is_control()
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
                {
                    write!(f, "\\u{:04X}", u32::from(c))?
                }
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

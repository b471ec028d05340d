//! The configuration of `produce`, and its summary.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use gugus_progress::Progress;
use gugus_spec::Source;
use serde::Serialize;

/// Which records to send, and where to.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names the topic and says how its records and the rows of the file are written. A topic that is not there is created
    /// with the broker's defaults.
    pub source: Source,
    /// `host:port`, several with commas between.
    pub brokers: String,
    /// A CSV file with a header; `.gz` is unpacked. `-` is standard input.
    pub input: PathBuf,
    /// The line of the file at which the first row to send begins.
    pub from_line: Option<u64>,
    /// What to do with a row that cannot be sent.
    pub on_bad_row: OnBadRow,
    /// How fast to send.
    pub pace: Pace,
    /// Ends after this many records.
    pub limit: Option<u64>,
    /// Properties of librdkafka, over our defaults.
    pub client: Vec<(String, String)>,
    /// Counts bytes of the file.
    pub progress: Progress,
}

/// What to do with a row that cannot be sent: damaged CSV, more cells than the header has, more bytes than the client sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnBadRow {
    /// Stop with an error that says how to go on.
    #[default]
    Stop,
    /// Append the row and the reason to this file, and go on.
    Skip(PathBuf),
}

/// How fast records are sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pace {
    /// As fast as the broker takes them.
    #[default]
    Full,
    /// So many records per second, evenly. Above 0 and finite.
    Rate(f64),
    /// With a pause after each record, drawn evenly from a range.
    Delay(RangeInclusive<Duration>),
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The topic.
    pub topic: String,
    /// Whether the topic was created.
    pub created: bool,
    /// Records that the broker has confirmed.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// How many records each partition got.
    pub partitions: Vec<Produced>,
    /// Rows that could not be sent, and are in the file of skipped rows.
    pub skipped: u64,
    /// The line to go on with, if the file has rows that were not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_line: Option<u64>,
}

/// A partition's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Produced {
    /// The partition.
    pub partition: i32,
    /// Records that the broker has confirmed.
    pub records: u64,
}

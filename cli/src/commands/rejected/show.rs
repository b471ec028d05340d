//! `gugus rejected show`.

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use gugus_batches::{RejectedRecord, Rejects};
use gugus_spec::BatchNumber;
use serde::Serialize;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::flags::folders::BatchesFolder;
use crate::output::{Output, table};

/// How much of a value a table shows, in characters.
const SHOWN: usize = 60;

/// Print rejected records as they came, each with its reason, partition and offset
///
/// Example: gugus rejected show 1 --limit 5 --batches data/batch
///
/// Next: correct the job file, then `gugus rejected replay --dry-run` says how many records fit now.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Only the rejected records of this batch
    number: Option<BatchNumber>,
    #[command(flatten)]
    batches: BatchesFolder,
    /// At most this many records
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

/// A record of `rejected show`.
#[derive(Serialize)]
struct Shown {
    batch: u64,
    partition: i32,
    offset: i64,
    timestamp: Option<String>,
    reason: String,
    key: Option<Bytes>,
    value: Option<Bytes>,
    replayed: bool,
}

/// Bytes that are probably text.
#[derive(Serialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Hex { hex: String },
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex {
                hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        }
    }

    /// One line of limited width, without characters that move the cursor of a terminal.
    fn line(&self) -> String {
        let text = match self {
            Self::Text(text) => text.escape_debug().to_string(),
            Self::Hex { hex } => format!("0x{hex}"),
        };
        match text.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    }
}

impl Show {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let log = self.batches.log().await?;
        let rejects = log.rejects().await.map_err(Failure::failed)?;
        let mut shown: Vec<Shown> = Vec::new();
        for rejects in &rejects {
            if self.number.is_some_and(|number| number != rejects.batch) {
                continue;
            }
            let room = self.limit - shown.len();
            if room == 0 {
                break;
            }
            let records = log.rejected_records(rejects).await;
            let records = records.map_err(Failure::failed)?;
            shown.extend(records.into_iter().take(room).map(|r| as_shown(rejects, r)));
        }
        output.show(&json!({ "records": shown }), || text(&shown))?;
        Ok(Code::Done)
    }
}

fn as_shown(rejects: &Rejects, record: RejectedRecord) -> Shown {
    let time = record
        .timestamp
        .and_then(DateTime::<Utc>::from_timestamp_millis);
    Shown {
        batch: rejects.batch.get(),
        partition: record.partition,
        offset: record.offset,
        timestamp: time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        key: record.key.as_deref().map(Bytes::of),
        value: record.value.as_deref().map(Bytes::of),
        replayed: rejects
            .replayed
            .contains(&(record.partition, record.offset)),
        reason: record.reason,
    }
}

fn text(shown: &[Shown]) -> String {
    let mut table = table(["batch", "partition", "offset", "reason", "value"]);
    for record in shown {
        let reason = if record.replayed {
            format!("{} (replayed since)", record.reason)
        } else {
            record.reason.clone()
        };
        table.add_row([
            record.batch.to_string(),
            record.partition.to_string(),
            record.offset.to_string(),
            reason,
            record.value.as_ref().map_or_else(String::new, Bytes::line),
        ]);
    }
    table.to_string()
}

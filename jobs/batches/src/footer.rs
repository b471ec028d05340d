//! The footer of a batch file, in the Parquet key-value entry [`FOOTER_KEY`].

use arrow::datatypes::{DataType, Schema};
use gugus_spec::{BatchNumber, CommitId, OffsetRange};
use serde::{Deserialize, Serialize};

use crate::{Jump, PartitionEnd};

/// The Parquet key-value entry that holds a [`Footer`] as JSON.
pub const FOOTER_KEY: &str = "gugus.batch";

/// The version of the footer's format that this crate writes, and the newest that it reads.
pub const FOOTER_VERSION: u32 = 1;

/// Records `first..next` of an imported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedPart {
    /// The file's checksum, in hex. It identifies the file, because names change.
    pub sha256: String,
    /// The first of its records in this batch, from 0.
    pub first: u64,
    /// The first after them.
    pub next: u64,
    /// Whether the file ends here.
    pub last: bool,
    /// The column names of a CSV file. They are needed to read a rejected row again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Vec<String>>,
    /// The name of its format, such as `parquet`. Footers of earlier builds do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// The file of the records that a commit refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectFile {
    /// Relative to the batches' folder: `rejected/<commit id>.parquet`.
    pub file: String,
    /// How many records are in it.
    pub rows: u64,
    /// Checksum of the whole file, in hex.
    pub sha256: String,
}

/// Where a log's records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FedBy {
    /// Nothing was committed yet.
    Nothing,
    /// A topic.
    Topic,
    /// Imported files.
    Imports,
}

/// How many records of a reject file a batch took again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedFile {
    /// A reject file that an earlier batch names, relative to the batches' folder.
    pub file: String,
    /// How many of its records are rows of this batch.
    pub rows: u64,
}

/// A column of a batch file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaField {
    /// Its name.
    pub name: String,
    /// Its type, by the names of the job file (`utf8`, `float64`, `timestamp`, …).
    #[serde(rename = "type")]
    pub data_type: String,
}

/// The state of a log after one batch, written into that batch.
///
/// The newest footer alone is the whole state of a log, because `ends` is cumulative. Unknown keys are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// [`FOOTER_VERSION`]
    pub version: u32,
    /// The job that the log belongs to.
    pub job: String,
    /// The topic that its records came from, or would come from if they were not imported.
    pub topic: String,
    /// The batch's own number.
    pub number: BatchNumber,
    /// The number of accepted records, which are the rows of the batch. 0 if only rejects arrived.
    pub rows: u64,
    /// The offsets that this commit took, one entry per partition, sorted. A range may be wider than its records, because
    /// transaction markers and compaction leave holes.
    pub ranges: Vec<OffsetRange>,
    /// The end of every partition of the log after this commit, sorted.
    pub ends: Vec<PartitionEnd>,
    /// A random name, new for every append.
    pub commit_id: CommitId,
    /// The commit before; none for the first.
    #[serde(default)]
    pub previous: Option<CommitId>,
    /// The hash of the footer before: it makes the log a chain. It is empty for the first batch, and after a batch without
    /// a hash. Footers of earlier builds lack this field. A footer with this field also has a hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_hash: Option<String>,
    /// The hash of this footer, which covers all bytes of the file. It stands in an entry of its own
    /// ([`HASH_KEY`](gugus_files::HASH_KEY)). Batches of earlier builds have none.
    #[serde(skip)]
    pub hash: Option<String>,
    /// The imported files that the rows came from; empty for records of a topic.
    #[serde(default)]
    pub imported: Vec<ImportedPart>,
    /// The records that this commit refused.
    #[serde(default)]
    pub rejected: Option<RejectFile>,
    /// The columns of the file, in its order.
    #[serde(default)]
    pub schema: Vec<SchemaField>,
    /// The jumps of ranges that begin elsewhere than at the log's end, one entry per partition, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jumps: Vec<Jump>,
    /// For a replay, the reject files whose records are the rows of this batch, sorted. A replay has no ranges. Other
    /// batches have no such files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replayed: Vec<ReplayedFile>,
    /// Set in replays of a folder that imports feed, because a replay itself imports nothing. See [`Footer::feed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fed_by: Option<FedBy>,
}

impl Footer {
    /// The end of a partition after this commit; none if the log never had the partition.
    pub fn end_of(&self, partition: i32) -> Option<i64> {
        self.partition_end(partition).map(|end| end.next)
    }

    /// The end of a partition after this commit, with its newest record.
    pub fn partition_end(&self, partition: i32) -> Option<&PartitionEnd> {
        self.ends.iter().find(|end| end.partition == partition)
    }

    /// The source of the folder's records.
    pub fn feed(&self) -> FedBy {
        match self.fed_by {
            Some(fed_by) => fed_by,
            None if self.imported.is_empty() => FedBy::Topic,
            None => FedBy::Imports,
        }
    }

    /// What the next batch has as [`Footer::previous_hash`].
    pub(crate) fn link(&self) -> &str {
        self.hash.as_deref().unwrap_or_default()
    }

    /// How many records the commit refused.
    pub fn rejected_rows(&self) -> u64 {
        self.rejected.as_ref().map_or(0, |file| file.rows)
    }
}

/// A schema in the form of footers.
pub(crate) fn schema_fields(schema: &Schema) -> Vec<SchemaField> {
    let fields = schema.fields().iter();
    fields
        .map(|field| SchemaField {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
        })
        .collect()
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "utf8".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contract's keys, all of them, and one from the future.
    const TEXT: &str = r#"{"version":1,"job":"crime","topic":"t","number":2,"rows":3,
        "ranges":[{"partition":0,"first":4,"next":8}],"ends":[{"partition":0,"next":8}],
        "commit_id":"b","previous":"a","imported":[],
        "rejected":{"file":"rejected/b.parquet","rows":1,"sha256":"00"},
        "schema":[{"name":"LAT","type":"float64"}],"colour":"blue"}"#;

    #[test]
    fn keys_from_the_future_are_ignored() {
        let footer: Footer = serde_json::from_str(TEXT).unwrap();
        assert_eq!(footer.end_of(0), Some(8));
        assert_eq!(footer.end_of(1), None);
        assert_eq!(footer.rejected_rows(), 1);
        let again: Footer = serde_json::from_str(&serde_json::to_string(&footer).unwrap()).unwrap();
        assert_eq!(again, footer);
    }

    /// A footer that an older version wrote has none of the optional keys, and is written again without them.
    #[test]
    fn keys_of_rare_commits_are_left_out() {
        let footer: Footer = serde_json::from_str(TEXT).unwrap();
        assert!(footer.jumps.is_empty() && footer.replayed.is_empty());
        assert_eq!(footer.feed(), FedBy::Topic);
        let json = serde_json::to_value(&footer).unwrap();
        for key in ["jumps", "replayed", "fed_by"] {
            assert!(json.get(key).is_none(), "{key}");
        }
        let text = TEXT.replace(
            r#""schema""#,
            r#""jumps":[{"partition":0,"from":3,"to":4,"reason":"deleted"}],"fed_by":"imports","schema""#,
        );
        let footer: Footer = serde_json::from_str(&text).unwrap();
        assert_eq!(footer.jumps[0].reason, crate::JumpReason::Deleted);
        assert_eq!(footer.feed(), FedBy::Imports);
    }

    #[test]
    fn nulls_are_written_out_for_scripts() {
        let mut footer: Footer = serde_json::from_str(TEXT).unwrap();
        footer.previous = None;
        footer.rejected = None;
        let json = serde_json::to_value(&footer).unwrap();
        assert!(
            json["previous"].is_null()
                && json.get("rejected").is_some_and(serde_json::Value::is_null)
        );
        assert_eq!(json["imported"], serde_json::json!([]));
        assert_eq!(json["schema"][0]["type"], "float64");
    }
}

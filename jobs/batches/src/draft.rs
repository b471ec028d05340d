//! Drafts of batches: records of a topic, of an import, or of a replay. Each kind has only the fields that it can use.

use arrow::array::RecordBatch;
use gugus_spec::{BatchNumber, CommitId, OffsetRange};

use crate::{
    FedBy, Footer, ImportedPart, Jump, LastRecord, LogError, ReplayedFile,
    ends::ends_after,
    footer::{FOOTER_VERSION, schema_fields},
};

/// The next batch, as its writer gathered it.
///
/// The rows of each kind are the accepted records: the job's columns in any order, with [`PARTITION`](crate::PARTITION),
/// [`OFFSET`](crate::OFFSET) and [`TIMESTAMP`](crate::TIMESTAMP). The rows need not be sorted, because appending sorts
/// them. There may be no rows.
#[derive(Clone, Copy, Debug)]
pub enum Draft<'a> {
    /// Records of a topic.
    Topic(&'a TopicDraft),
    /// Records of files.
    Import(&'a ImportDraft),
    /// Rejected records, taken again.
    Replay(&'a ReplayDraft),
}

/// Records of a topic.
#[derive(Clone, Debug)]
pub struct TopicDraft {
    /// The accepted records.
    pub rows: RecordBatch,
    /// The offsets that the commit takes: for each partition, from the log's end to the consumer's position. Empty
    /// ranges are left out.
    pub ranges: Vec<OffsetRange>,
    /// The records that were refused, in any order.
    pub rejects: Vec<RejectedRecord>,
    /// The newest record of each partition that a range holds records of.
    pub lasts: Vec<(i32, LastRecord)>,
    /// The jumps of ranges that begin elsewhere than at the log's end, because the topic no longer holds the next record.
    pub jumps: Vec<Jump>,
}

impl TopicDraft {
    /// A draft of only these rows and ranges.
    pub fn new(rows: RecordBatch, ranges: Vec<OffsetRange>) -> Self {
        Self {
            rows,
            ranges,
            rejects: Vec::new(),
            lasts: Vec::new(),
            jumps: Vec::new(),
        }
    }
}

/// Records of files. Their offsets are counted by the importer, in partition 0, one for each record.
#[derive(Clone, Debug)]
pub struct ImportDraft {
    /// The accepted records.
    pub rows: RecordBatch,
    /// The records that were refused, in any order.
    pub rejects: Vec<RejectedRecord>,
    /// The offset of the first record, which is where the log ends.
    pub first: i64,
    /// The files that the records came from, in order.
    pub imported: Vec<ImportedPart>,
}

impl ImportDraft {
    /// A range with one offset for each record of the parts.
    fn range(&self) -> Result<OffsetRange, LogError> {
        let mut next = self.first;
        for part in &self.imported {
            let count = part.next.checked_sub(part.first);
            let count = count.and_then(|count| i64::try_from(count).ok());
            let count = count.ok_or_else(|| {
                let ImportedPart { first, next, .. } = part;
                LogError::contradiction(format!("records {first}..{next} run backwards"))
            })?;
            next = next.saturating_add(count);
        }
        Ok(OffsetRange {
            partition: 0,
            first: self.first,
            next,
        })
    }
}

/// Rejected records, taken again. A row has the partition, offset and timestamp that its record had.
#[derive(Clone, Debug)]
pub struct ReplayDraft {
    /// The accepted records.
    pub rows: RecordBatch,
    /// The reject files whose records are the rows.
    pub replayed: Vec<ReplayedFile>,
}

impl ReplayDraft {
    /// The files, sorted. Fails unless their counts add up to the number of rows.
    fn files(&self) -> Result<Vec<ReplayedFile>, LogError> {
        let mut files = self.replayed.clone();
        files.sort_unstable_by(|one, other| one.file.cmp(&other.file));
        if files.windows(2).any(|pair| pair[0].file == pair[1].file) {
            return Err(LogError::contradiction("it replays a file in two parts"));
        }
        let rows = self.rows.num_rows() as u64;
        let named = files
            .iter()
            .fold(0, |sum, part| part.rows.saturating_add(sum));
        if rows == 0 || named != rows || files.iter().any(|part| part.rows == 0) {
            return Err(LogError::contradiction(format!(
                "it has {rows} rows, where it replays {named} of {} files",
                files.len()
            )));
        }
        Ok(files)
    }
}

/// A record that was refused, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in ms, UTC; none for imports.
    pub timestamp: Option<i64>,
    /// Its key, as it came.
    pub key: Option<Vec<u8>>,
    /// Its value, as it came.
    pub value: Option<Vec<u8>>,
    /// Its headers as JSON, if the job keeps them.
    pub headers: Option<String>,
    /// Why it was refused.
    pub reason: String,
}

impl<'a> From<&'a TopicDraft> for Draft<'a> {
    fn from(draft: &'a TopicDraft) -> Self {
        Self::Topic(draft)
    }
}

impl<'a> From<&'a ImportDraft> for Draft<'a> {
    fn from(draft: &'a ImportDraft) -> Self {
        Self::Import(draft)
    }
}

impl<'a> From<&'a ReplayDraft> for Draft<'a> {
    fn from(draft: &'a ReplayDraft) -> Self {
        Self::Replay(draft)
    }
}

impl Draft<'_> {
    pub(crate) fn rows(&self) -> &RecordBatch {
        match self {
            Self::Topic(draft) => &draft.rows,
            Self::Import(draft) => &draft.rows,
            Self::Replay(draft) => &draft.rows,
        }
    }

    /// The rejects, sorted by partition and offset.
    pub(crate) fn rejects(&self) -> Vec<&RejectedRecord> {
        let rejects: &[RejectedRecord] = match self {
            Self::Topic(draft) => &draft.rejects,
            Self::Import(draft) => &draft.rejects,
            Self::Replay(_) => &[],
        };
        let mut rejects: Vec<_> = rejects.iter().collect();
        rejects.sort_by_key(|record| (record.partition, record.offset));
        rejects
    }

    /// The footer of this draft after `head`, without its reject file. `rows` are the arranged rows of the draft.
    pub(crate) fn footer(
        &self,
        job: &str,
        topic: &str,
        head: Option<&Footer>,
        rows: &RecordBatch,
    ) -> Result<Footer, LogError> {
        let before = head.map_or(&[][..], |head| &head.ends);
        let mut footer = Footer {
            version: FOOTER_VERSION,
            job: job.to_owned(),
            topic: topic.to_owned(),
            number: head.map_or(BatchNumber::FIRST, |head| head.number.next()),
            rows: rows.num_rows() as u64,
            ranges: Vec::new(),
            ends: before.to_vec(),
            commit_id: CommitId::random(),
            previous: head.map(|head| head.commit_id.clone()),
            previous_hash: Some(head.map(Footer::link).unwrap_or_default().to_owned()),
            hash: None,
            imported: Vec::new(),
            rejected: None,
            schema: schema_fields(&rows.schema()),
            jumps: Vec::new(),
            replayed: Vec::new(),
            fed_by: None,
        };
        match self {
            Self::Topic(draft) => {
                footer.ranges = taken(&draft.ranges)?;
                check_lasts(&draft.lasts, &footer.ranges)?;
                footer.jumps.clone_from(&draft.jumps);
                footer.jumps.sort_unstable_by_key(|jump| jump.partition);
                footer.ends = ends_after(before, &footer.ranges, &draft.lasts, &draft.jumps);
            }
            Self::Import(draft) => {
                footer.ranges = taken(&[draft.range()?])?;
                footer.imported.clone_from(&draft.imported);
                footer.ends = ends_after(before, &footer.ranges, &[], &[]);
            }
            Self::Replay(draft) => {
                let head = head.ok_or_else(|| {
                    LogError::contradiction("it replays rejects, where nothing was ever taken")
                })?;
                footer.replayed = draft.files()?;
                // Otherwise, after a replay, the folder would not know its source any more.
                footer.fed_by = Some(head.feed()).filter(|feed| *feed == FedBy::Imports);
            }
        }
        Ok(footer)
    }
}

/// The ranges that are not empty, by partition.
fn taken(ranges: &[OffsetRange]) -> Result<Vec<OffsetRange>, LogError> {
    let taken = ranges.iter().filter(|range| range.first != range.next);
    let mut ranges: Vec<OffsetRange> = taken.copied().collect();
    ranges.sort_unstable();
    match ranges.as_slice() {
        [] => Err(LogError::contradiction("it takes no offsets at all")),
        _ => Ok(ranges),
    }
}

/// Checks that the newest records of a draft lie in its ranges. Later, `contradictions` checks that they are the newest.
fn check_lasts(lasts: &[(i32, LastRecord)], ranges: &[OffsetRange]) -> Result<(), LogError> {
    for (partition, LastRecord { offset, .. }) in lasts {
        let takes = |range: &OffsetRange| {
            range.partition == *partition && (range.first..range.next).contains(offset)
        };
        if !ranges.iter().any(takes) {
            return Err(LogError::contradiction(format!(
                "offset {offset} of partition {partition} is its newest record, and it does not take it"
            )));
        }
    }
    Ok(())
}

//! Whether a draft continues the log: each range begins where the log ends, unless a jump says from where to where.

use std::collections::{BTreeMap, BTreeSet};

use gugus_spec::OffsetRange;

use crate::{
    BatchLog, Draft, FedBy, Footer, ImportedPart, Jump, JumpReason, LogError, draft::contradiction,
};

impl BatchLog {
    /// A folder is fed by a topic or by imports, never both.
    pub(super) fn check_feed(&self, draft: &Draft) -> Result<(), LogError> {
        let (found, refused) = match (self.fed_by(), draft.imported.is_empty()) {
            // A replay is of what is in the folder already.
            _ if !draft.replayed.is_empty() => return Ok(()),
            (FedBy::Topic, false) => ("a topic", "an import"),
            (FedBy::Imports, true) => ("imports", "records of a topic"),
            _ => return Ok(()),
        };
        Err(LogError::FedBy {
            folder: self.store.to_string(),
            found,
            refused,
        })
    }
}

/// The ranges of a draft, sorted, without empty ones, each checked to start where the log ends. A replay has none.
pub(super) fn check_ranges(
    draft: &Draft,
    head: Option<&Footer>,
) -> Result<Vec<OffsetRange>, LogError> {
    if !draft.replayed.is_empty() {
        return check_replay(draft, head).map(|()| Vec::new());
    }
    let mut ranges = BTreeMap::new();
    for range in &draft.ranges {
        let OffsetRange {
            partition,
            first,
            next,
        } = *range;
        if first > next {
            return Err(contradiction(format!(
                "the range {first}..{next} of partition {partition} runs backwards"
            )));
        }
        if first == next {
            continue;
        }
        let end = head.and_then(|head| head.end_of(partition));
        match draft.jumps.iter().find(|jump| jump.partition == partition) {
            Some(jump) => check_jump(jump, range, end)?,
            None => {
                if let Some(end) = end.filter(|end| *end != first) {
                    return Err(LogError::NotAtEnd {
                        partition,
                        first,
                        end,
                    });
                }
            }
        }
        if ranges.insert(partition, *range).is_some() {
            return Err(contradiction(format!(
                "partition {partition} has two ranges"
            )));
        }
    }
    if ranges.is_empty() {
        return Err(contradiction("it takes no offsets at all"));
    }
    let mut jumping = BTreeSet::new();
    for Jump { partition, .. } in &draft.jumps {
        if !ranges.contains_key(partition) {
            return Err(contradiction(format!(
                "it jumps in partition {partition}, of which it takes nothing"
            )));
        }
        if !jumping.insert(partition) {
            return Err(contradiction(format!(
                "it jumps twice in partition {partition}"
            )));
        }
    }
    let ranges: Vec<OffsetRange> = ranges.into_values().collect();
    if !draft.imported.is_empty() {
        if !draft.jumps.is_empty() {
            return Err(contradiction("an import jumps nowhere"));
        }
        check_import(&ranges, &draft.imported)?;
    }
    Ok(ranges)
}

/// A jump leaves from the log's end, so of two writers that both jump, and of one that jumps and one that does not, the
/// second finds the log elsewhere.
fn check_jump(jump: &Jump, range: &OffsetRange, end: Option<i64>) -> Result<(), LogError> {
    let Jump {
        partition,
        from,
        to,
        reason,
    } = *jump;
    let Some(end) = end else {
        return Err(contradiction(format!(
            "it jumps in partition {partition}, which is not in the log yet"
        )));
    };
    if from != end {
        return Err(LogError::NotAtEnd {
            partition,
            first: from,
            end,
        });
    }
    if to != range.first {
        return Err(contradiction(format!(
            "it jumps to offset {to} of partition {partition}, and takes from {} on",
            range.first
        )));
    }
    if reason == JumpReason::Deleted && to <= from {
        return Err(contradiction(format!(
            "it jumps back from offset {from} of partition {partition} to {to}, which the log has"
        )));
    }
    Ok(())
}

/// A replay takes records again that an earlier commit took and refused, and nothing else.
fn check_replay(draft: &Draft, head: Option<&Footer>) -> Result<(), LogError> {
    if head.is_none() {
        return Err(contradiction(
            "it replays rejects, where nothing was ever taken",
        ));
    }
    let ranges = draft.ranges.iter().any(|range| range.first != range.next);
    if ranges
        || !draft.rejects.is_empty()
        || !draft.imported.is_empty()
        || !draft.jumps.is_empty()
        || !draft.lasts.is_empty()
    {
        return Err(contradiction(
            "it replays rejects, and takes something else beside",
        ));
    }
    let files: BTreeSet<&str> = draft
        .replayed
        .iter()
        .map(|part| part.file.as_str())
        .collect();
    if files.len() < draft.replayed.len() {
        return Err(contradiction("it replays a file in two parts"));
    }
    let rows = draft.rows.num_rows() as u64;
    let named: u64 = draft
        .replayed
        .iter()
        .fold(0, |sum, part| part.rows.saturating_add(sum));
    if rows == 0 || named != rows || draft.replayed.iter().any(|part| part.rows == 0) {
        return Err(contradiction(format!(
            "it has {rows} rows, where it replays {named} of {} files",
            files.len()
        )));
    }
    Ok(())
}

/// An import's offsets are counted by us, so there they are as many as the records.
fn check_import(ranges: &[OffsetRange], imported: &[ImportedPart]) -> Result<(), LogError> {
    let [
        OffsetRange {
            partition: 0,
            first,
            next,
        },
    ] = *ranges
    else {
        return Err(contradiction("an import takes offsets of partition 0 only"));
    };
    let mut records = 0_u64;
    for part in imported {
        let count = part.next.checked_sub(part.first);
        let count = count.ok_or_else(|| {
            contradiction(format!(
                "records {}..{} run backwards",
                part.first, part.next
            ))
        })?;
        records = records.saturating_add(count);
    }
    if records != next.abs_diff(first) {
        let reason = format!("{records} imported records stand against offsets {first}..{next}");
        return Err(contradiction(reason));
    }
    Ok(())
}

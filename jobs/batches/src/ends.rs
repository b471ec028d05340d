//! How far a log has come in each partition, and by which steps.

use std::collections::BTreeMap;
use std::fmt;

use gugus_files::hex;
use gugus_spec::OffsetRange;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How far a log has come in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionEnd {
    /// The partition.
    pub partition: i32,
    /// The first offset that is not in the log yet.
    pub next: i64,
    /// The newest record before `next`. Imports and old logs do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastRecord>,
}

/// Identifies a record beyond its offset. A topic that was made anew and filled past our end has another record at the
/// same offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRecord {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in ms, UTC; none when it has none.
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// [`record_hash`] of its key and value.
    pub sha256: String,
}

/// The hash of a record's key and value, in hex: sha256 over presence, length and bytes of the key, then of the value. So
/// no two pairs give the same bytes.
///
/// ```
/// use gugus_batches::record_hash;
/// assert_ne!(record_hash(Some(b"a"), Some(b"b")), record_hash(Some(b"ab"), Some(b"")));
/// assert_ne!(record_hash(None, Some(b"b")), record_hash(Some(b""), Some(b"b")));
/// ```
pub fn record_hash(key: Option<&[u8]>, value: Option<&[u8]>) -> String {
    let mut hash = Sha256::new();
    for part in [key, value] {
        hash.update([u8::from(part.is_some())]);
        let bytes = part.unwrap_or_default();
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hex(&hash.finalize())
}

/// Why a range begins elsewhere than at the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JumpReason {
    /// The topic deleted records before Gugus took them. The records are lost.
    Deleted,
    /// The topic was made anew, so its offsets began anew.
    Recreated,
}

impl fmt::Display for JumpReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "the topic had deleted the records between",
            Self::Recreated => "the topic had been made anew",
        })
    }
}

/// A step over records that the topic no longer holds. A user chose to take the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// The partition.
    pub partition: i32,
    /// Where the log ended before.
    pub from: i64,
    /// Where the range of this commit begins.
    pub to: i64,
    /// Why.
    pub reason: JumpReason,
}

impl Jump {
    /// Whether a range begins where this jump leads.
    pub(crate) fn leads_to(&self, range: &OffsetRange) -> bool {
        (self.partition, self.to) == (range.partition, range.first)
    }
}

/// The ends after a commit, given those before.
///
/// A partition keeps its newest record while ranges hold no record, such as only transaction markers. A topic that was
/// made anew forgets it.
pub(crate) fn ends_after(
    before: &[PartitionEnd],
    ranges: &[OffsetRange],
    lasts: &[(i32, LastRecord)],
    jumps: &[Jump],
) -> Vec<PartitionEnd> {
    let mut ends: BTreeMap<i32, PartitionEnd> = before
        .iter()
        .map(|end| (end.partition, end.clone()))
        .collect();
    for &OffsetRange {
        partition, next, ..
    } in ranges
    {
        let end = ends.entry(partition).or_insert(PartitionEnd {
            partition,
            next,
            last: None,
        });
        end.next = next;
        let recreated =
            |jump: &Jump| jump.partition == partition && jump.reason == JumpReason::Recreated;
        if jumps.iter().any(recreated) {
            end.last = None;
        }
        if let Some((_, last)) = lasts.iter().find(|(of, _)| *of == partition) {
            end.last = Some(last.clone());
        }
    }
    ends.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn range(partition: i32, first: i64, next: i64) -> OffsetRange {
        OffsetRange {
            partition,
            first,
            next,
        }
    }

    fn end(partition: i32, next: i64, last: Option<i64>) -> PartitionEnd {
        PartitionEnd {
            partition,
            next,
            last: last.map(record),
        }
    }

    fn record(offset: i64) -> LastRecord {
        LastRecord {
            offset,
            timestamp: Some(offset),
            sha256: record_hash(None, Some(&offset.to_le_bytes())),
        }
    }

    fn recreated(partition: i32, from: i64) -> Jump {
        Jump {
            partition,
            from,
            to: 0,
            reason: JumpReason::Recreated,
        }
    }

    #[test]
    fn ends_add_up() {
        let ends = ends_after(&[], &[range(3, 5, 9), range(0, 0, 2)], &[], &[]);
        let ends = ends_after(&ends, &[range(0, 2, 4)], &[], &[]);
        assert_eq!(ends, [end(0, 4, None), end(3, 9, None)]);
    }

    #[test]
    fn the_last_record_is_known_until_the_topic_is_another() {
        let ends = ends_after(&[], &[range(0, 0, 5)], &[(0, record(3))], &[]);
        assert_eq!(ends, [end(0, 5, Some(3))]);
        let ends = ends_after(&ends, &[range(0, 5, 6), range(1, 0, 1)], &[], &[]);
        assert_eq!(ends, [end(0, 6, Some(3)), end(1, 1, None)]);
        let deleted = Jump {
            reason: JumpReason::Deleted,
            to: 8,
            ..recreated(0, 6)
        };
        let jumped = ends_after(&ends, &[range(0, 8, 9)], &[], &[deleted]);
        assert_eq!(jumped[0], end(0, 9, Some(3)));
        let anew = ends_after(&ends, &[range(0, 0, 2)], &[], &[recreated(0, 6)]);
        assert_eq!(anew[0], end(0, 2, None));
        let known = [(0, record(1))];
        let anew = ends_after(&ends, &[range(0, 0, 2)], &known, &[recreated(0, 6)]);
        assert_eq!(anew[0], end(0, 2, Some(1)));
    }

    #[test]
    fn logs_that_know_no_last_record_are_written_as_before() {
        let json = serde_json::to_string(&end(0, 8, None)).unwrap();
        assert_eq!(json, r#"{"partition":0,"next":8}"#);
        let json = serde_json::to_string(&end(0, 8, Some(7))).unwrap();
        assert_eq!(
            serde_json::from_str::<PartitionEnd>(&json).unwrap(),
            end(0, 8, Some(7))
        );
    }

    /// The hash is in footers, so it must never change.
    #[test]
    fn hashes_are_what_they_were() {
        let by_hand = Sha256::digest(b"\x00\0\0\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0ab");
        assert_eq!(record_hash(None, Some(b"ab")), hex(&by_hand));
        let parts = [
            None,
            Some(b"".as_slice()),
            Some(b"a"),
            Some(b"b"),
            Some(b"ab"),
        ];
        let pairs = parts
            .iter()
            .flat_map(|key| parts.iter().map(move |value| (*key, *value)));
        let hashes: BTreeSet<_> = pairs.map(|(key, value)| record_hash(key, value)).collect();
        assert_eq!(hashes.len(), parts.len() * parts.len());
    }
}

//! The offsets of a batch, for people.

use gugus_batches::Footer;
use gugus_spec::OffsetRange;

/// `0: 17..25, 1: 3..9`: for each partition the first offset, and the offset after the last one.
pub(crate) fn offsets(footer: &Footer) -> String {
    let range = |r: &OffsetRange| format!("{}: {}..{}", r.partition, r.first, r.next);
    let ranges: Vec<String> = footer.ranges.iter().map(range).collect();
    ranges.join(", ")
}

//! Checks a footer against the records of its own batch.

use gugus_spec::OffsetRange;

use crate::{Footer, columns::RecordPlace};

/// The ways in which a footer contradicts itself or its rows and rejects. `rejects` is `None` if they could not be read.
/// An append refuses a draft for the first contradiction, and [`verify`](crate::verify) lists all of them.
pub(crate) fn contradictions(
    footer: &Footer,
    rows: &[RecordPlace],
    rejects: Option<&[RecordPlace]>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut problem = |text: String| problems.push(text);
    if rows.len() as u64 != footer.rows {
        problem(format!(
            "{} rows, where its footer says {}",
            rows.len(),
            footer.rows
        ));
    }
    // A replay's rows come from ranges that other commits took.
    let replay = !footer.replayed.is_empty();
    let takes = !footer.ranges.is_empty()
        || !footer.imported.is_empty()
        || !footer.jumps.is_empty()
        || footer.rejected.is_some();
    if replay && takes {
        problem("it replays rejects, and takes something else beside".to_owned());
    }
    for pair in footer.ranges.windows(2) {
        if pair[0].partition >= pair[1].partition {
            problem(format!(
                "ranges of partitions {} and {} out of order",
                pair[0].partition, pair[1].partition
            ));
        }
    }
    let mut check_places = |what: &str, places: &[RecordPlace]| {
        if let Some(pair) = places.windows(2).find(|pair| pair[0] > pair[1]) {
            let (partition, offset) = pair[1];
            problem(format!(
                "{what} offset {offset} of partition {partition} is out of order"
            ));
        }
        let outside: Vec<_> = places
            .iter()
            .filter(|place| !replay && !within(&footer.ranges, place))
            .collect();
        if let Some((partition, offset)) = outside.first() {
            let others = outside.len() - 1;
            problem(format!(
                "{what} offset {offset} of partition {partition} is outside of its range ({others} more)"
            ));
        }
    };
    check_places("accepted", rows);
    if let Some(rejects) = rejects {
        check_places("rejected", rejects);
        let expected = footer.rejected_rows();
        if rejects.len() as u64 != expected {
            problem(format!(
                "{} rejected records, where its footer says {expected}",
                rejects.len()
            ));
        }
    }
    let mut all: Vec<RecordPlace> = rows
        .iter()
        .chain(rejects.unwrap_or_default())
        .copied()
        .collect();
    all.sort_unstable();
    if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
        let (partition, offset) = pair[0];
        problem(format!(
            "offset {offset} of partition {partition} is there twice"
        ));
    }
    if rejects.is_some() {
        check_lasts(footer, &all, &mut problem);
    }
    // A topic leaves holes (transaction markers, compaction), so a missing offset proves nothing. But Gugus counts the
    // offsets of an import itself.
    if !footer.imported.is_empty() && rejects.is_some() {
        all.dedup();
        let expected = footer
            .ranges
            .iter()
            .flat_map(|r| (r.first..r.next).map(|offset| (r.partition, offset)));
        let mut there = all.iter().copied().peekable();
        let missing = expected.into_iter().find(|place| {
            while there.next_if(|found| found < place).is_some() {}
            there.peek() != Some(place)
        });
        if let Some((partition, offset)) = missing {
            problem(format!(
                "offset {offset} of partition {partition} is neither accepted nor rejected"
            ));
        }
    }
    problems
}

/// Checks that the footer's last record is the newest record of the batch. `all` holds the sorted places of its records.
fn check_lasts(footer: &Footer, all: &[RecordPlace], problem: &mut impl FnMut(String)) {
    for range in &footer.ranges {
        let end = footer.partition_end(range.partition);
        let Some(last) = end.and_then(|end| end.last.as_ref()) else {
            continue;
        };
        let newest = all.partition_point(|(of, _)| *of <= range.partition);
        let newest = newest.checked_sub(1).and_then(|index| all.get(index));
        let newest = newest.filter(|(of, _)| *of == range.partition);
        // Otherwise the record is of an earlier batch, and the chain of footers checks it.
        if (range.first..range.next).contains(&last.offset)
            && newest != Some(&(range.partition, last.offset))
        {
            problem(format!(
                "the last record of partition {} is at offset {} by its footer, which is not the newest that it holds",
                range.partition, last.offset
            ));
        }
    }
}

fn within(ranges: &[OffsetRange], (partition, offset): &RecordPlace) -> bool {
    ranges
        .iter()
        .any(|r| r.partition == *partition && (r.first..r.next).contains(offset))
}

//! Every problem that verifying names, from footers and rows that Gugus would not write.

use super::chain::Chain;
use crate::{
    FedBy, Footer, ImportedPart, Jump, JumpReason, LastRecord, PartitionEnd, RejectFile,
    ReplayedFile, contents::contradictions,
};
use gugus_spec::{BatchNumber, CommitId, OffsetRange};

fn range(partition: i32, first: i64, next: i64) -> OffsetRange {
    OffsetRange {
        partition,
        first,
        next,
    }
}

fn end(partition: i32, next: i64) -> PartitionEnd {
    PartitionEnd {
        partition,
        next,
        last: None,
    }
}

fn id(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn footer(number: u64, ranges: &[OffsetRange], ends: &[PartitionEnd]) -> Footer {
    Footer {
        version: 1,
        job: "j".into(),
        topic: "t".into(),
        number: BatchNumber::new(number).unwrap(),
        rows: 2,
        ranges: ranges.to_vec(),
        ends: ends.to_vec(),
        commit_id: id(&format!("c{number}")),
        previous: (number > 1).then(|| id(&format!("c{}", number - 1))),
        previous_hash: None,
        hash: None,
        imported: vec![],
        rejected: None,
        schema: vec![],
        jumps: vec![],
        replayed: vec![],
        fed_by: None,
    }
}

/// The problems of one batch with range 5..10 of partition 0.
fn of_batch(
    change: impl FnOnce(&mut Footer),
    rows: &[(i32, i64)],
    rejects: Option<&[(i32, i64)]>,
) -> Vec<String> {
    let mut footer = footer(1, &[range(0, 5, 10)], &[end(0, 10)]);
    change(&mut footer);
    contradictions(&footer, rows, rejects)
}

/// One whole file of so many records.
fn imported(records: u64) -> Vec<ImportedPart> {
    vec![ImportedPart {
        sha256: "aa".into(),
        first: 0,
        next: records,
        last: true,
        header: None,
        format: None,
    }]
}

fn refused(rows: u64) -> Option<RejectFile> {
    Some(RejectFile {
        file: "rejected/c1.parquet".into(),
        rows,
        sha256: String::new(),
    })
}

#[test]
fn batches() {
    let none: Option<&[(i32, i64)]> = Some(&[]);
    let good = [(0, 5), (0, 8)];
    assert_eq!(of_batch(|_| (), &good, none), [""; 0]);
    let refuses_one = |f: &mut Footer| f.rejected = refused(1);
    assert_eq!(of_batch(refuses_one, &good, Some(&[(0, 6)])), [""; 0]);
    assert_eq!(
        of_batch(refuses_one, &good, None),
        [""; 0],
        "told of where it was read"
    );
    let turned = |f: &mut Footer| f.ranges = vec![range(1, 0, 1), range(0, 5, 10)];
    for (found, problem) in [
        (
            of_batch(|f| f.rows = 3, &good, none),
            "2 rows, where its footer says 3",
        ),
        (
            of_batch(|_| (), &[(0, 8), (0, 5)], none),
            "accepted offset 5 of partition 0 is out of order",
        ),
        (
            of_batch(|_| (), &[(0, 5), (0, 5)], none),
            "offset 5 of partition 0 is there twice",
        ),
        (
            of_batch(|_| (), &[(0, 10), (1, 6)], none),
            "accepted offset 10 of partition 0 is outside of its range (1 more)",
        ),
        (
            of_batch(refuses_one, &good, Some(&[(0, 8)])),
            "offset 8 of partition 0 is there twice",
        ),
        (
            of_batch(|f| f.rejected = refused(2), &good, Some(&[(0, 6)])),
            "1 rejected records, where its footer says 2",
        ),
        (
            of_batch(turned, &good, none),
            "ranges of partitions 1 and 0 out of order",
        ),
    ] {
        assert_eq!(found, [problem]);
    }
}

#[test]
fn imports_leave_no_offset_out() {
    let of_a_file = |f: &mut Footer| {
        f.ranges = vec![range(0, 5, 8)];
        f.rejected = refused(1);
        f.imported = imported(3);
    };
    assert_eq!(
        of_batch(of_a_file, &[(0, 5), (0, 7)], Some(&[(0, 6)])),
        [""; 0]
    );
    let missing = of_batch(of_a_file, &[(0, 5), (0, 6)], Some(&[(0, 6)]));
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert_eq!(
        missing[1],
        "offset 7 of partition 0 is neither accepted nor rejected"
    );
}

/// The problems of a chain, without the file names.
fn of_chain(footers: &[Footer]) -> Vec<String> {
    let mut problems = vec![];
    let mut chain = Chain::default();
    footers
        .iter()
        .for_each(|footer| chain.add(footer, &mut problems));
    problems
        .into_iter()
        .map(|p| p.split_once(": ").unwrap().1.to_owned())
        .collect()
}

#[test]
fn chains() {
    let first = footer(1, &[range(0, 0, 5)], &[end(0, 5)]);
    let second = footer(
        2,
        &[range(0, 5, 7), range(1, 3, 4)],
        &[end(0, 7), end(1, 4)],
    );
    let two = |change: &dyn Fn(&mut Footer)| {
        let mut second = second.clone();
        change(&mut second);
        of_chain(&[first.clone(), second])
    };
    assert_eq!(two(&|_| ()), [""; 0]);
    let ends = "its cumulative ends do not follow from its ranges and the ends before";
    type Change<'a> = &'a dyn Fn(&mut Footer);
    let changes: [(Change<'_>, &str); 10] = [
        (
            &|f| f.job = "x".into(),
            "job \"x\", where the batch before has \"j\"",
        ),
        (
            &|f| f.topic = "x".into(),
            "topic \"x\", where the batch before has \"t\"",
        ),
        (
            &|f| f.previous = Some(id("x")),
            "it follows commit x, but the batch before is commit c1",
        ),
        (
            &|f| f.previous = None,
            "it follows commit none, but the batch before is commit c1",
        ),
        (
            &|f| f.ranges[0].first = 6,
            "a gap in partition 0: it starts at offset 6, the log ended at 5",
        ),
        (
            &|f| f.ranges[0].first = 4,
            "an overlap in partition 0: it starts at offset 4, the log ended at 5",
        ),
        (&|f| f.ends = vec![end(0, 7)], ends),
        (&|f| f.ends[0].next = 8, ends),
        (
            &|f| f.imported = imported(3),
            "the folder is fed by both a topic and imports",
        ),
        (
            &|f| f.ranges[1] = range(1, 5, 4),
            "the range 5..4 of partition 1 runs backwards",
        ),
    ];
    for (change, problem) in changes {
        assert_eq!(two(change), [problem]);
    }
    let headless = Footer {
        previous: Some(id("x")),
        ..first.clone()
    };
    assert_eq!(
        of_chain(&[headless]),
        ["it follows commit x, but the batch before is commit none"]
    );
}

/// After pruning, and after a footer that could not be read, the chain starts anew from what is there.
#[test]
fn chains_that_start_in_the_middle() {
    let second = footer(2, &[range(0, 5, 7)], &[end(0, 7), end(1, 4)]);
    assert_eq!(of_chain(std::slice::from_ref(&second)), [""; 0]);
    let wrong = Footer {
        ends: vec![end(0, 9), end(1, 4)],
        ..second.clone()
    };
    assert_eq!(
        of_chain(&[wrong]),
        ["its cumulative ends do not agree with its own ranges"]
    );
    let mut chain = Chain::default();
    let mut problems = vec![];
    chain.add(&footer(1, &[range(0, 0, 5)], &[end(0, 5)]), &mut problems);
    chain.lose();
    chain.add(
        &footer(3, &[range(0, 7, 9)], &[end(0, 9), end(1, 4)]),
        &mut problems,
    );
    assert_eq!(problems, [""; 0]);
    let spans: Vec<_> = chain
        .partitions()
        .iter()
        .map(|p| (p.partition, p.first, p.next))
        .collect();
    assert_eq!(spans, [(0, 0, 9), (1, 4, 4)]);
}

fn jump(partition: i32, from: i64, to: i64, reason: JumpReason) -> Jump {
    Jump {
        partition,
        from,
        to,
        reason,
    }
}

fn last(offset: i64) -> Option<LastRecord> {
    Some(LastRecord {
        offset,
        timestamp: None,
        sha256: format!("of {offset}"),
    })
}

/// A jump explains a gap only where it agrees with the footers on both of its sides.
#[test]
fn jumps() {
    let first = footer(1, &[range(0, 0, 5)], &[end(0, 5)]);
    let second = footer(2, &[range(0, 9, 12)], &[end(0, 12)]);
    let two = |jumps: &[Jump]| {
        let second = Footer {
            jumps: jumps.to_vec(),
            ..second.clone()
        };
        of_chain(&[first.clone(), second])
    };
    use JumpReason::{Deleted, Recreated};
    let gap = "a gap in partition 0: it starts at offset 9, the log ended at 5";
    assert_eq!(two(&[]), [gap]);
    assert_eq!(two(&[jump(0, 5, 9, Deleted)]), [""; 0]);
    assert_eq!(two(&[jump(0, 5, 9, Recreated)]), [""; 0]);
    let from = "it jumps from offset 4 of partition 0, where the log ended at 5";
    assert_eq!(two(&[jump(0, 4, 9, Deleted)]), [from]);
    let to = "it jumps to offset 8 of partition 0, where none of its ranges starts";
    assert_eq!(two(&[jump(0, 5, 8, Deleted)]), [gap, to]);
    let other = [
        "it jumps to offset 9 of partition 1, where none of its ranges starts",
        "it jumps in partition 1, which the log did not have",
    ];
    assert_eq!(
        two(&[jump(0, 5, 9, Deleted), jump(1, 5, 9, Deleted)]),
        other
    );
    let twice = two(&[jump(0, 5, 9, Deleted), jump(0, 5, 9, Deleted)]);
    assert_eq!(twice, ["jumps of partitions 0 and 0 out of order"]);
    let back = Footer {
        jumps: vec![jump(0, 12, 2, Deleted)],
        ..footer(3, &[range(0, 2, 4)], &[end(0, 4)])
    };
    let good = Footer {
        jumps: vec![jump(0, 5, 9, Deleted)],
        ..second.clone()
    };
    assert_eq!(
        of_chain(&[first.clone(), good.clone(), back.clone()]),
        ["it jumps back in partition 0 from offset 12 to 2, for records that were deleted"]
    );
    let anew = Footer {
        jumps: vec![jump(0, 12, 2, Recreated)],
        ..back
    };
    assert_eq!(of_chain(&[first, good, anew.clone()]), [""; 0]);
    assert_eq!(of_chain(&[anew]), [""; 0], "after pruning");
}

#[test]
fn last_records() {
    let with = |offset| PartitionEnd {
        last: last(offset),
        ..end(0, 10)
    };
    let of = |offset| {
        of_batch(
            |f| f.ends = vec![with(offset)],
            &[(0, 5), (0, 8)],
            Some(&[]),
        )
    };
    assert_eq!(of(8), [""; 0]);
    assert_eq!(of(3), [""; 0], "of a batch before");
    assert_eq!(
        of(5),
        [
            "the last record of partition 0 is at offset 5 by its footer, which is not the newest that it holds"
        ]
    );
    let ends = |offset: Option<i64>, next| {
        let last = offset.and_then(last);
        vec![PartitionEnd {
            last,
            ..end(0, next)
        }]
    };
    let first = footer(1, &[range(0, 0, 5)], &ends(Some(4), 5));
    let chain = |offset, reason: Option<JumpReason>| {
        let second = Footer {
            jumps: reason
                .map(|reason| jump(0, 5, 7, reason))
                .into_iter()
                .collect(),
            ..footer(
                2,
                &[range(0, if reason.is_some() { 7 } else { 5 }, 9)],
                &ends(offset, 9),
            )
        };
        of_chain(&[first.clone(), second])
    };
    let wrong = |offset| {
        vec![format!(
            "its last record of partition 0, at offset {offset}, is neither of its range nor the one before"
        )]
    };
    assert_eq!(chain(Some(8), None), [""; 0]);
    assert_eq!(chain(Some(4), None), [""; 0], "no record came");
    assert_eq!(
        chain(None, None),
        [""; 0],
        "a writer that knows nothing of it"
    );
    assert_eq!(chain(Some(3), None), wrong(3));
    assert_eq!(chain(Some(4), Some(JumpReason::Deleted)), [""; 0]);
    assert_eq!(chain(Some(4), Some(JumpReason::Recreated)), wrong(4));
    assert_eq!(chain(Some(7), Some(JumpReason::Recreated)), [""; 0]);
}

#[test]
fn links_of_hashes() {
    let hash = |text: &str| Some(text.to_owned());
    let first = Footer {
        previous_hash: hash(""),
        hash: hash("aa"),
        ..footer(1, &[range(0, 0, 5)], &[end(0, 5)])
    };
    let second = |previous_hash| Footer {
        previous_hash,
        hash: hash("bb"),
        ..footer(2, &[range(0, 5, 9)], &[end(0, 9)])
    };
    let chain = |first: &Footer, link| of_chain(&[first.clone(), second(link)]);
    assert_eq!(chain(&first, hash("aa")), [""; 0]);
    assert_eq!(chain(&first, None), [""; 0], "an earlier build wrote it");
    let wrong = "the footer before has the hash \"aa\", where this one says \"ab\"";
    assert_eq!(chain(&first, hash("ab")), [wrong]);
    let old = Footer {
        previous_hash: None,
        hash: None,
        ..first
    };
    assert_eq!(chain(&old, hash("")), [""; 0]);
    assert_eq!(chain(&old, hash("aa")).len(), 1);
}

#[test]
fn replays() {
    let replayed = vec![ReplayedFile {
        file: "rejected/c1.parquet".into(),
        rows: 2,
    }];
    let replay = |f: &mut Footer| {
        f.ranges.clear();
        f.replayed = replayed.clone();
    };
    let places = [(0, 1), (3, 900)];
    assert_eq!(of_batch(replay, &places, Some(&[])), [""; 0]);
    let more = of_batch(
        |f| {
            replay(f);
            f.ranges = vec![range(0, 5, 10)];
        },
        &places,
        Some(&[]),
    );
    assert_eq!(
        more,
        ["it replays rejects, and takes something else beside"]
    );
    let first = Footer {
        imported: imported(5),
        ..footer(1, &[range(0, 0, 5)], &[end(0, 5)])
    };
    let second = Footer {
        replayed: replayed.clone(),
        fed_by: Some(FedBy::Imports),
        ..footer(2, &[], &[end(0, 5)])
    };
    assert_eq!(of_chain(&[first.clone(), second.clone()]), [""; 0]);
    let unfed = Footer {
        fed_by: None,
        ..second
    };
    assert_eq!(
        of_chain(&[first, unfed]),
        ["the folder is fed by both a topic and imports"]
    );
}

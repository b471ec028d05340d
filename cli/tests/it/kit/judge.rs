//! Whether a folder of batches holds what was produced: every record once, with its content, and nothing else.
//!
//! Three accounts are compared: what the producer was told by its delivery reports, what an independent reader of
//! committed records gets from Kafka, and what lies in the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::json;

use crate::kit::batch_files::{self, Batch};
use crate::kit::messages::{Expected, Place};
use crate::kit::process::run;
use crate::kit::reader::{Record, read_back};
use crate::kit::sender::{Fate, Produced};

/// Problems of a kind that are shown; where one offset is wrong, thousands may be.
const SHOWN: usize = 8;

/// What was found in a folder that holds all that it should.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) batches: usize,
    pub(crate) rows: usize,
    pub(crate) rejects: usize,
    /// The offset after everything in each partition of the topic, markers of transactions included.
    pub(crate) topic_ends: BTreeMap<i32, i64>,
}

/// Compares a folder with its topic, and both with what was produced. The test fails with all that is wrong.
#[track_caller]
pub(crate) fn check(
    folder: &Path,
    brokers: &str,
    topic: &str,
    partitions: i32,
    produced: &[Produced],
) -> Account {
    let (kafka, topic_ends) = read_back(brokers, topic, partitions);
    let batches = batch_files::batches(folder);
    let kinds = [
        by_verify(folder),
        of_the_topic(produced, &kafka),
        lost(&batches, &kafka),
        twice(&batches),
        of_the_contents(&batches, produced, &kafka),
        of_the_numbers(&batches),
        of_the_ends(&batches, &kafka, &topic_ends),
        of_the_names(folder, &batches),
    ];
    let shown: Vec<String> = kinds
        .iter()
        .flat_map(|problems| &problems[..problems.len().min(SHOWN)])
        .map(|problem| format!("\n  {problem}"))
        .collect();
    assert!(
        shown.is_empty(),
        "{} problems in {}, among them:{}",
        kinds.iter().map(Vec::len).sum::<usize>(),
        folder.display(),
        shown.concat()
    );
    Account {
        batches: batches.len(),
        rows: batches.iter().map(|batch| batch.rows.len()).sum(),
        rejects: batches.iter().map(|batch| batch.rejects.len()).sum(),
        topic_ends,
    }
}

/// What `batches verify` says.
fn by_verify(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("a path of text");
    let verified = run(["batches", "verify", "--batches", folder, "--output", "json"]);
    match (verified.code(), &verified.json()["problems"]) {
        (0, problems) if *problems == json!([]) => Vec::new(),
        (code, problems) => vec![format!("batches verify: exit code {code}, {problems}")],
    }
}

/// Whether Kafka has what its producer was told: otherwise nothing can be said about ingest.
fn of_the_topic(produced: &[Produced], kafka: &BTreeMap<Place, Record>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    let mut open: BTreeMap<usize, BTreeSet<bool>> = BTreeMap::new();
    for Produced {
        message,
        fate,
        place,
    } in produced
    {
        let Some(place) = place else { continue };
        let found = kafka.get(place);
        let there = found.is_some();
        known.insert(*place);
        match fate {
            Fate::Sent if !there => {
                problems.push(format!("kafka: {place:?} was delivered and is not there"));
            }
            Fate::Aborted if there => {
                problems.push(format!("kafka: {place:?} was aborted and is there"));
            }
            Fate::Open(transaction) => {
                open.entry(*transaction).or_default().insert(there);
            }
            _ => {}
        }
        if let Some(record) = found
            && (&record.key, &record.value) != (&message.key, &message.value)
        {
            problems.push(format!(
                "kafka: {place:?} holds {record:?}, not {message:?}"
            ));
        }
    }
    for (transaction, states) in open {
        if states.len() > 1 {
            problems.push(format!("kafka: transaction {transaction} is there in part"));
        }
    }
    let unknown = kafka.keys().filter(|place| !known.contains(*place));
    problems.extend(unknown.map(|place| format!("kafka: nobody was told of {place:?}")));
    problems
}

/// Records of the topic that are nowhere.
fn lost(batches: &[Batch], kafka: &BTreeMap<Place, Record>) -> Vec<String> {
    let found: BTreeSet<Place> = batches.iter().flat_map(places).collect();
    let lost = kafka.keys().filter(|place| !found.contains(place));
    lost.map(|place| format!("{place:?} is lost: in no batch and no reject file"))
        .collect()
}

/// Records that are in two places.
fn twice(batches: &[Batch]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut found: BTreeMap<Place, u64> = BTreeMap::new();
    for batch in batches {
        for place in places(batch) {
            if let Some(other) = found.insert(place, batch.number) {
                let number = batch.number;
                problems.push(format!(
                    "{place:?} is twice: by batches {other} and {number}"
                ));
            }
        }
    }
    problems
}

/// The places of what a batch took, rejects included.
fn places(batch: &Batch) -> impl Iterator<Item = Place> {
    let rows = batch.rows.iter().map(|(place, _)| *place);
    rows.chain(batch.rejects.iter().map(|(place, _)| *place))
}

/// Whether each row and each reject is what was sent.
fn of_the_contents(
    batches: &[Batch],
    produced: &[Produced],
    kafka: &BTreeMap<Place, Record>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let expected: BTreeMap<Place, &Expected> = produced
        .iter()
        .filter_map(|p| Some((p.place?, &p.message.expected)))
        .collect();
    for batch in batches {
        let number = batch.number;
        for (place, (row, timestamp)) in &batch.rows {
            let Some(record) = kafka.get(place) else {
                problems.push(format!("batch {number}: {place:?} is not in the topic"));
                continue;
            };
            match expected.get(place) {
                Some(Expected::Row(sent)) if sent == row && record.timestamp == *timestamp => {}
                other => problems.push(format!(
                    "batch {number}: {place:?} holds {row:?} of {timestamp:?}, sent was {other:?}: {record:?}"
                )),
            }
        }
        for (place, reject) in &batch.rejects {
            let Some(record) = kafka.get(place) else {
                problems.push(format!(
                    "rejects of {number}: {place:?} is not in the topic"
                ));
                continue;
            };
            let kept = Record {
                key: reject.key.clone(),
                value: reject.value.clone(),
                timestamp: reject.timestamp,
            };
            if kept != *record || expected.get(place) != Some(&&Expected::Reject) {
                problems.push(format!(
                    "rejects of {number}: {place:?} holds {reject:?}, sent was {record:?}"
                ));
            }
            if reject.reason.is_empty() {
                problems.push(format!("rejects of {number}: {place:?} has no reason"));
            }
        }
    }
    problems
}

/// Whether numbers are 1, 2, 3 and so on, and every range begins where the one before it ended.
fn of_the_numbers(batches: &[Batch]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
    for (batch, expected) in batches.iter().zip(1..) {
        if batch.number != expected {
            problems.push(format!("batch {} where {expected} is due", batch.number));
            break;
        }
        for (partition, first, next) in batch.ranges() {
            let end = ends.insert(partition, next).unwrap_or(0);
            if first != end {
                problems.push(format!(
                    "batch {expected}: partition {partition} begins at {first}, the batches end at {end}"
                ));
            }
        }
    }
    problems
}

/// Whether each partition ends behind its last record and within the topic.
fn of_the_ends(
    batches: &[Batch],
    kafka: &BTreeMap<Place, Record>,
    topic_ends: &BTreeMap<i32, i64>,
) -> Vec<String> {
    let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
    for (partition, _, next) in batches.iter().flat_map(Batch::ranges) {
        ends.insert(partition, next);
    }
    let mut problems = Vec::new();
    for (partition, topic_end) in topic_ends {
        let records = kafka.keys().filter(|(p, _)| p == partition);
        let after_last = records.map(|(_, offset)| offset + 1).max().unwrap_or(0);
        let end = ends.get(partition).copied().unwrap_or(0);
        if !(after_last..=*topic_end).contains(&end) {
            problems.push(format!(
                "the batches end at {end} in partition {partition}, the last record is before {after_last}, the topic ends at \
                 {topic_end}"
            ));
        }
    }
    problems
}

/// Whether nothing lies about but batches and reject files. One that no footer names is rubbish that may stay.
fn of_the_names(folder: &Path, batches: &[Batch]) -> Vec<String> {
    let known: BTreeSet<String> = batches
        .iter()
        .map(|batch| batch_files::file_name(batch.number))
        .chain(["rejected".to_owned()])
        .collect();
    let others = batch_files::names(folder).into_iter();
    let rejects = batch_files::names(&folder.join("rejected")).into_iter();
    others
        .filter(|name| !known.contains(name))
        .chain(rejects.filter(|name| name.starts_with('.') || !name.ends_with(".parquet")))
        .map(|name| format!("{name} lies in the folder"))
        .collect()
}

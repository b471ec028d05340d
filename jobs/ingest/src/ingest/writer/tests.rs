//! The writer on a log in memory, without Kafka. A second log of the same folder stands for another process.

use std::sync::Mutex;

use arrow::array::{Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use gugus_batches::{JumpReason, LogError};
use gugus_files::Store;
use tokio::runtime::Runtime;

use super::*;

/// A writer of points, and the folder that it writes into.
struct Fixture {
    runtime: Runtime,
    store: Store,
    job: Job,
    writer: Writer,
    asked: Asked,
}

/// The witnesses that the check of the topic was asked about, and its verdict.
type Asked = Arc<Mutex<(Vec<Vec<(i32, i64)>>, Verdict)>>;

impl Fixture {
    fn new() -> Self {
        let text = "name = \"points\"\nsource.topic = \"t\"\nsource.columns.x = { type = \"float64\", required = true }";
        let job = Job::parse(text, "points.toml").unwrap();
        let (runtime, store) = (Runtime::new().unwrap(), Store::in_memory());
        let log = runtime.block_on(open(&store)).unwrap();
        let asked = Asked::default();
        let told = Arc::clone(&asked);
        let check_topic = Arc::new(move |witnesses: &[Witness]| {
            let mut asked = told.lock().unwrap();
            asked
                .0
                .push(witnesses.iter().map(|(p, r)| (*p, r.offset)).collect());
            Ok(asked.1)
        });
        let mut writer = Writer::new(log, &job, runtime.handle(), check_topic);
        writer.begin(0, 0, None, None);
        writer.begin(1, 0, None, None);
        Self {
            runtime,
            asked,
            store,
            job,
            writer,
        }
    }

    /// Takes records of a partition, whose x are their offsets.
    fn push(&mut self, partition: i32, offsets: std::ops::Range<i64>) {
        for offset in offsets {
            let value = format!(r#"{{"x":{offset}}}"#);
            let pushed = self.push_value(partition, offset, &value);
            assert_eq!(pushed, Some(Ok(())), "{partition}: {offset}");
        }
    }

    fn push_value(
        &mut self,
        partition: i32,
        offset: i64,
        value: &str,
    ) -> Option<Result<(), &'static str>> {
        let record = Record {
            partition,
            offset,
            timestamp: Some(offset * 10),
            key: None,
            value: Some(value.as_bytes()),
            headers: None,
        };
        let parse = |columns: &mut Columns| columns.push_record(record.value_within(None)?);
        self.writer.push(record, parse)
    }

    fn commit_all(&mut self) -> Vec<Answer> {
        let mut answers = self.writer.commit().unwrap();
        answers.extend(self.writer.settle().unwrap());
        answers
    }

    /// Commits records of a partition, as a process would that the group takes for dead.
    fn commit_as_another(&self, partition: i32, offsets: std::ops::Range<i64>) {
        let mut other = OpenBatch::new(&self.job);
        for offset in offsets.clone() {
            let value = format!(r#"{{"x":{offset}}}"#);
            let record = Record {
                partition,
                ..Record::imported(offset, value.as_bytes())
            };
            let parse = |columns: &mut Columns| columns.push_json(value.as_bytes());
            other.push(record, parse).unwrap();
        }
        let (rows, _) = other.take().unwrap();
        let range = OffsetRange {
            partition,
            first: offsets.start,
            next: offsets.end,
        };
        let draft = TopicDraft::new(rows, vec![range]);
        let appended = self.runtime.block_on(async {
            let mut log = open(&self.store).await.unwrap();
            log.append(&draft).await.unwrap()
        });
        assert!(matches!(appended, Appended::Committed(_)));
    }

    /// Verifies the batches, and returns their rows.
    fn rows(&self) -> Vec<RecordBatch> {
        self.runtime.block_on(async {
            let log = BatchLog::read(self.store.clone()).await.unwrap();
            let verified = log.verify(|_| ()).await.unwrap();
            assert_eq!(verified.problems, Vec::<String>::new());
            let mut rows = Vec::new();
            for number in log.numbers().await.unwrap() {
                rows.push(log.rows(number).await.unwrap());
            }
            rows
        })
    }
}

async fn open(store: &Store) -> Result<BatchLog, LogError> {
    BatchLog::open(store.clone(), &"points".parse().unwrap(), "t").await
}

fn xs(rows: &RecordBatch) -> Vec<f64> {
    let xs: &Float64Array = rows["x"].as_primitive::<Float64Type>();
    xs.values().to_vec()
}

/// The footers of the committed batches, and the offsets to which other partitions moved.
fn told(answers: Vec<Answer>) -> (Vec<Footer>, Vec<BTreeMap<i32, i64>>) {
    let (mut footers, mut moved) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Answer::Committed { footer, .. } => footers.push(*footer),
            Answer::Moved(starts) => moved.push(starts),
            Answer::Recreated => panic!("the topic is the same"),
        }
    }
    (footers, moved)
}

fn ranges(footer: &Footer) -> Vec<(i32, i64, i64)> {
    let range = |r: &OffsetRange| (r.partition, r.first, r.next);
    footer.ranges.iter().map(range).collect()
}

#[test]
fn what_is_in_hand_is_committed_with_its_ranges_and_last_records() {
    let mut at = Fixture::new();
    assert!(at.commit_all().is_empty(), "nothing in hand is no batch");
    at.push(0, 0..3);
    at.push(1, 0..2);
    assert_eq!(at.push_value(1, 2, "{\"x\":\"north\"}"), Some(Err("value")));
    let (footers, moved) = told(at.commit_all());
    let [footer] = footers.as_slice() else {
        panic!("one batch: {footers:?}")
    };
    assert_eq!((footer.rows, footer.rejected_rows()), (5, 1));
    assert_eq!(ranges(footer), [(0, 0, 3), (1, 0, 3)]);
    let lasts: Vec<_> = footer.ends.iter().map(|end| &end.last).collect();
    let last =
        |end: &Option<gugus_batches::LastRecord>| end.as_ref().map(|r| (r.offset, r.timestamp));
    assert_eq!(last(lasts[0]), Some((2, Some(20))));
    assert_eq!(last(lasts[1]), Some((2, Some(20))), "a reject counts, too");
    assert!(moved.is_empty());
    assert_eq!(at.writer.partitions()[&1].written, 3);
    // The next batch continues where this one ends.
    at.push(0, 3..4);
    let (footers, _) = told(at.commit_all());
    assert_eq!(ranges(&footers[0]), [(0, 3, 4)]);
    assert_eq!(at.rows().len(), 2);
}

#[test]
fn records_of_others_and_records_that_were_taken_are_ignored() {
    let mut at = Fixture::new();
    at.push(0, 0..2);
    assert_eq!(at.push_value(0, 1, "{\"x\":1}"), None);
    assert_eq!(at.push_value(7, 0, "{\"x\":1}"), None);
    at.writer.end(&[1].into());
    assert_eq!(at.push_value(1, 0, "{\"x\":1}"), None);
    assert_eq!(at.writer.positions(), [(0, 2)].into());
    assert_eq!(at.writer.open.rows(), 2);
}

#[test]
fn markers_are_passed_and_never_go_back() {
    let mut at = Fixture::new();
    at.push(0, 0..2);
    at.writer.pass(0, 5);
    at.writer.pass(0, 3);
    at.writer.pass(9, 3);
    let (footers, _) = told(at.commit_all());
    assert_eq!(ranges(&footers[0]), [(0, 0, 5)]);
    assert_eq!(at.rows()[0].num_rows(), 2);
}

/// Records that another process committed meanwhile are dropped. Other partitions are not touched.
#[test]
fn a_lost_race_drops_what_moved_and_keeps_the_rest() {
    let mut at = Fixture::new();
    at.push(0, 0..15);
    at.push(1, 0..12);
    at.commit_as_another(0, 0..10);
    let (footers, moved) = told(at.commit_all());
    assert_eq!(moved, [BTreeMap::from([(0, 10)])]);
    let [footer] = footers.as_slice() else {
        panic!("one batch: {footers:?}")
    };
    assert_eq!(ranges(footer), [(1, 0, 12)], "only what had not moved");
    assert_eq!(at.writer.positions(), [(0, 10), (1, 12)].into());
    // Records behind the other batch come again, and are committed once.
    at.push(0, 10..15);
    let (footers, moved) = told(at.commit_all());
    assert_eq!((ranges(&footers[0]), moved.len()), (vec![(0, 10, 15)], 0));
    let rows = at.rows();
    let all: Vec<f64> = rows.iter().flat_map(xs).collect();
    let expected = (0..10).chain(0..12).chain(10..15).map(f64::from);
    assert_eq!(all, expected.collect::<Vec<_>>());
}

/// Another writer that took only the number costs a second try, and no record.
#[test]
fn a_number_that_is_taken_is_tried_again() {
    let mut at = Fixture::new();
    at.push(0, 0..2);
    at.commit_as_another(5, 0..3);
    let (footers, moved) = told(at.commit_all());
    assert_eq!((footers[0].number.get(), moved.len()), (2, 0));
    assert_eq!(ranges(&footers[0]), [(0, 0, 2)]);
    at.rows();
}

/// Records in hand behind a lost batch are dropped, too, if their partition moved. The rest is committed.
#[test]
fn what_is_in_hand_behind_a_lost_batch_is_looked_at_again() {
    let mut at = Fixture::new();
    at.commit_as_another(0, 0..10);
    at.push(0, 0..3);
    at.push(1, 0..2);
    assert!(told(at.writer.commit().unwrap()).0.is_empty());
    assert!(at.writer.is_writing());
    at.push(0, 3..6);
    at.push(1, 2..4);
    let (footers, moved) = told(at.writer.settle().unwrap());
    assert_eq!(moved, [BTreeMap::from([(0, 10)])], "told once");
    let committed: Vec<_> = footers.iter().flat_map(ranges).collect();
    assert_eq!(committed, [(1, 0, 2), (1, 2, 4)]);
    assert!(at.writer.open.is_empty() && !at.writer.is_writing());
    assert_eq!(at.writer.positions(), [(0, 10), (1, 4)].into());
    at.rows();
}

/// If another process committed all records of the draft, nothing is left to commit.
#[test]
fn a_draft_of_which_nothing_is_left_is_no_batch() {
    let mut at = Fixture::new();
    at.push(0, 0..5);
    at.commit_as_another(0, 0..8);
    let (footers, moved) = told(at.commit_all());
    assert!(footers.is_empty());
    assert_eq!(moved, [BTreeMap::from([(0, 8)])]);
    assert_eq!(at.rows().len(), 1);
}

/// A head that was read anew shows the lost race before the draft is written.
#[test]
fn a_refreshed_head_shows_what_moved() {
    let mut at = Fixture::new();
    at.push(0, 0..3);
    at.commit_as_another(0, 0..2);
    at.writer.refresh().unwrap();
    let (footers, moved) = told(at.writer.commit().unwrap());
    assert!(footers.is_empty() && !at.writer.is_writing());
    assert_eq!(moved, [BTreeMap::from([(0, 2)])]);
}

#[test]
fn a_jump_is_recorded_in_the_next_batch_once() {
    let mut at = Fixture::new();
    at.push(0, 0..4);
    at.commit_all();
    let jump = Jump {
        partition: 0,
        from: 4,
        to: 0,
        reason: JumpReason::Recreated,
    };
    at.writer.begin(0, 0, Some(jump.clone()), None);
    at.push(0, 0..2);
    let (footers, moved) = told(at.commit_all());
    assert_eq!((&footers[0].jumps, moved.len()), (&vec![jump], 0));
    at.push(0, 2..3);
    let (footers, _) = told(at.commit_all());
    assert!(footers[0].jumps.is_empty());
    at.rows();
}

#[test]
fn the_check_sees_the_last_record_before_a_batch_or_the_first_record_of_all() {
    let mut at = Fixture::new();
    at.push(0, 3..6);
    at.commit_all();
    at.push(1, 7..9);
    at.push(0, 6..8);
    at.commit_all();
    at.push(0, 8..9);
    at.push(1, 9..10);
    at.commit_all();
    let asked = at.asked.lock().unwrap().0.clone();
    let expected = [vec![(0, 3)], vec![(0, 5), (1, 7)], vec![(1, 8), (0, 7)]];
    assert_eq!(asked, expected, "the newest record's partition comes first");
}

#[test]
fn records_of_a_topic_that_was_created_again_are_dropped() {
    let mut at = Fixture::new();
    at.push(0, 0..4);
    at.commit_all();
    at.asked.lock().unwrap().1 = Verdict::Recreated;
    at.push(0, 4..7);
    assert!(told(at.writer.commit().unwrap()).0.is_empty());
    at.push(0, 7..9);
    let answers = at.writer.settle().unwrap();
    assert!(
        matches!(answers.as_slice(), [Answer::Recreated]),
        "{answers:?}"
    );
    assert!(at.writer.open.is_empty() && !at.writer.is_writing());
    // The session looks up where to go on.
    at.asked.lock().unwrap().1 = Verdict::Same;
    at.writer.begin(0, 4, None, None);
    at.push(0, 4..6);
    let (footers, _) = told(at.commit_all());
    assert_eq!(ranges(&footers[0]), [(0, 4, 6)]);
    at.rows();
}

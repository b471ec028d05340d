//! Jobs on clusters that fail: what is submitted again, what is halved, and what is given up.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use async_trait::async_trait;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use gugus_submit::{Jobs, Pace, Parts, Patience, Submit, SubmitError};
use tokio_util::sync::CancellationToken;

/// What a job of a [`Script`] does.
type Answer = Box<dyn Fn(&str) -> Result<Vec<RecordBatch>, SubmitError> + Send + Sync>;

/// A cluster whose jobs answer by their name. It writes the names down.
struct Script {
    answer: Answer,
    names: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    fn new(
        answer: impl Fn(&str) -> Result<Vec<RecordBatch>, SubmitError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            answer: Box::new(answer),
            names: Mutex::default(),
        }
    }

    /// Fails so many times, then answers.
    fn failing(times: usize, error: fn() -> SubmitError) -> Self {
        let left = Mutex::new(times);
        Self::new(move |_| {
            let mut left = left.lock().unwrap();
            if *left == 0 {
                return Ok(numbers(&[1]));
            }
            *left -= 1;
            Err(error())
        })
    }

    fn submitted(&self) -> usize {
        self.names.lock().unwrap().len()
    }

    async fn jobs(&self) -> Jobs<'_> {
        let patience = Patience {
            first_wait: Duration::from_millis(1),
            ..Patience::default()
        };
        let jobs = Jobs::on(self, "job run 1", CancellationToken::new()).await;
        jobs.with_patience(patience)
    }
}

#[async_trait]
impl Submit for Script {
    async fn run(
        &self,
        _plan: Arc<dyn ExecutionPlan>,
        name: &str,
        _stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, SubmitError> {
        self.names.lock().unwrap().push(name.to_owned());
        if name.ends_with("slow") {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        (self.answer)(name)
    }

    async fn task_slots(&self) -> Option<usize> {
        Some(7)
    }
}

fn numbers(numbers: &[u64]) -> Vec<RecordBatch> {
    let column = Arc::new(UInt64Array::from(numbers.to_vec())) as _;
    vec![RecordBatch::try_from_iter([("n", column)]).unwrap()]
}

fn plan() -> Arc<dyn ExecutionPlan> {
    let field = Field::new("n", DataType::UInt64, false);
    Arc::new(EmptyExec::new(Arc::new(Schema::new(vec![field]))))
}

fn lost() -> SubmitError {
    SubmitError::ResultLost("its executor is gone".into())
}

fn about_data() -> SubmitError {
    SubmitError::failed(
        "j".to_owned(),
        "ArrowError(ComputeError(\"divide by zero\"), None)".to_owned(),
    )
}

#[tokio::test]
async fn a_result_that_got_lost_is_asked_for_four_times() {
    for (times, submitted) in [(0, 1), (1, 2), (3, 4)] {
        let script = Script::failing(times, lost);
        let jobs = script.jobs().await;
        assert_eq!(jobs.groups(), 7, "a group for each slot");
        let rows = jobs.run("model", &Pace::default(), plan()).await.unwrap();
        assert_eq!((rows.len(), script.submitted()), (1, submitted));
        assert_eq!(script.names.lock().unwrap()[0], "job run 1 model");
    }
    let script = Script::failing(4, lost);
    let failed = script.jobs().await;
    let failed = failed.run("model", &Pace::default(), plan()).await;
    assert!(matches!(failed, Err(SubmitError::ResultLost(_))));
    assert_eq!(script.submitted(), 4);
}

#[tokio::test]
async fn what_another_attempt_cannot_mend_is_given_up_at_once() {
    let errors: [fn() -> SubmitError; 4] = [
        about_data,
        || SubmitError::Cancelled,
        || SubmitError::Cluster("no scheduler answers".into()),
        || SubmitError::TooLarge {
            name: "j".to_owned(),
            bytes: 9,
            limit: 8,
        },
    ];
    for error in errors {
        let script = Script::failing(1, error);
        let jobs = script.jobs().await;
        jobs.run("model", &Pace::default(), plan())
            .await
            .unwrap_err();
        assert_eq!(script.submitted(), 1, "{}", error());
    }
}

#[tokio::test]
async fn a_job_that_stalls_is_dropped_and_submitted_again() {
    let script = Script::new(|_| Ok(numbers(&[1])));
    let jobs = script.jobs().await.with_patience(Patience {
        attempts: 2,
        first_wait: Duration::from_millis(1),
        first_limit: Duration::from_millis(10),
        ..Patience::default()
    });
    let stalled = jobs.run("slow", &Pace::default(), plan()).await;
    let stalled = stalled.unwrap_err().to_string();
    let words = "\"job run 1 slow\" gave no result within 20ms and was cancelled";
    assert_eq!(stalled, words);
    assert_eq!(script.submitted(), 2);
}

/// A cluster that is away while its only job waits, and answers later.
#[derive(Debug)]
struct Away {
    since: Instant,
    answers_after: Duration,
}

#[async_trait]
impl Submit for Away {
    async fn run(
        &self,
        _plan: Arc<dyn ExecutionPlan>,
        _name: &str,
        _stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, SubmitError> {
        tokio::time::sleep(self.answers_after).await;
        Ok(numbers(&[1]))
    }

    async fn task_slots(&self) -> Option<usize> {
        None
    }

    fn away(&self) -> Duration {
        self.since.elapsed()
    }
}

#[tokio::test]
async fn the_time_that_the_cluster_is_away_is_not_the_jobs() {
    let away = Away {
        since: Instant::now(),
        answers_after: Duration::from_millis(300),
    };
    let jobs = Jobs::on(&away, "job run 1", CancellationToken::new()).await;
    let jobs = jobs.with_patience(Patience {
        attempts: 1,
        first_limit: Duration::from_millis(100),
        least_limit: Duration::from_millis(100),
        slower: 1,
        ..Patience::default()
    });
    let pace = Pace::default();
    // The outage counts neither into the limit of this job nor into the pace of the next one.
    for _ in 0..2 {
        assert_eq!(jobs.run("model", &pace, plan()).await.unwrap().len(), 1);
    }
    let here = Script::new(|_| Ok(numbers(&[1])));
    let jobs = here.jobs().await.with_patience(Patience {
        attempts: 1,
        least_limit: Duration::from_millis(100),
        slower: 1,
        ..Patience::default()
    });
    let stalled = jobs.run("slow", &pace, plan()).await.unwrap_err();
    assert!(stalled.to_string().contains("within 100ms"), "{stalled}");
}

#[tokio::test]
async fn no_job_is_submitted_again_after_the_stop() {
    let script = Script::failing(9, lost);
    let stop = CancellationToken::new();
    stop.cancel();
    let jobs = script.jobs().await.until(stop);
    let jobs = jobs.with_patience(Patience {
        first_wait: Duration::from_secs(60),
        ..Patience::default()
    });
    let stopped = jobs.run("model", &Pace::default(), plan()).await;
    assert!(matches!(stopped, Err(SubmitError::Cancelled)));
    assert_eq!(script.submitted(), 1);
}

/// Runs the parts 1 to `last`; the job over some of them is named by them.
async fn answers(
    script: &Script,
    last: u64,
) -> Result<BTreeMap<u64, Result<u64, String>>, SubmitError> {
    let parts = Parts {
        name: &|some: &[u64]| {
            let some: Vec<String> = some.iter().map(u64::to_string).collect();
            some.join(",")
        },
        plan: &|_: &[u64]| Ok(plan()),
        key: &|part: &u64| *part,
        read: &|rows: &[RecordBatch]| {
            let rows = rows.iter().flat_map(|rows| {
                let column = rows.column(0).as_primitive::<UInt64Type>();
                column.values().to_vec()
            });
            Ok(rows.map(|number| (number, number * 10)).collect())
        },
        missing: "nothing is there",
    };
    let jobs = script.jobs().await;
    let all = (1..=last).collect();
    jobs.run_parts(&parts, &Pace::default(), all).await
}

/// The parts in the name of a job.
fn parts_of(name: &str) -> Vec<u64> {
    let (_, parts) = name.rsplit_once(' ').unwrap();
    parts.split(',').map(|part| part.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_part_that_is_to_blame_is_found_by_halving() {
    let script = Script::new(|name| match parts_of(name) {
        parts if parts.contains(&6) => Err(about_data()),
        // Of part 2 no row is left.
        parts => Ok(numbers(
            &parts.into_iter().filter(|n| *n != 2).collect::<Vec<_>>(),
        )),
    });
    let found = answers(&script, 8).await.unwrap();
    for part in [1, 3, 4, 5, 7, 8] {
        assert_eq!(found[&part], Ok(part * 10));
    }
    assert_eq!(found[&2], Err("nothing is there".to_owned()));
    assert!(found[&6].as_ref().unwrap_err().contains("divide by zero"));
    // All, two halves, two quarters of the second, two of its first quarter.
    assert_eq!(script.submitted(), 7);
}

#[tokio::test]
async fn a_plan_that_is_too_large_is_halved_until_it_can_be_sent() {
    let script = Script::new(|name| match parts_of(name) {
        parts if parts.len() > 2 => Err(SubmitError::TooLarge {
            name: name.to_owned(),
            bytes: 9,
            limit: 8,
        }),
        parts => Ok(numbers(&parts)),
    });
    assert_eq!(answers(&script, 8).await.unwrap().len(), 8);
    assert_eq!(script.submitted(), 1 + 2 + 4);
    assert!(
        answers(&Script::new(|_| Ok(Vec::new())), 0)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_cluster_that_fails_fails_all_parts() {
    let script = Script::new(|_| Err(SubmitError::Cluster("it is gone".into())));
    let failed = answers(&script, 4).await.unwrap_err();
    assert_eq!(failed.to_string(), "it is gone");
    assert_eq!(script.submitted(), 1);
}

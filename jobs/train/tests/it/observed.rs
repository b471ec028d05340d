//! What an observer is told while a run goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gugus_models::Existing;
use gugus_spec::{BatchNumber, ModelName};
use gugus_train::Outcome::{Failed, Planned, Trained};
use gugus_train::{ModelReport, Observer, Outcome, PassReport};
use tokio_util::sync::CancellationToken;

use crate::kit::{Work, job, three_batches};

const MODELS: &str = "[[models]]\nname = \"each\"\nfeatures = [\"x\", \"y\"]\nk = 2\nseed = 1\n\
     [[models]]\nname = \"chain\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\nalgorithm = \"minibatch\"\n\
     [[models]]\nname = \"month\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\nscope = \"window\"\nwindow = { sql = \"case when x > 2 then 'big' else 'small' end\" }\n\
     [[models]]\nname = \"whole\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\nscope = \"all\"\n";

/// Everything that was told, in order.
#[derive(Debug, Default)]
struct Notes {
    lines: Mutex<Vec<ModelReport>>,
    begun: Mutex<Vec<(String, u64)>>,
    passes: Mutex<Vec<PassReport>>,
}

impl Observer for Notes {
    fn model(&self, line: &ModelReport) {
        self.lines.lock().unwrap().push(line.clone());
    }

    fn begun(&self, model: &ModelName, batches: &[BatchNumber]) {
        let named = batches.iter().map(|batch| (model.to_string(), batch.get()));
        self.begun.lock().unwrap().extend(named);
    }

    fn pass(&self, pass: &PassReport) {
        self.passes.lock().unwrap().push(pass.clone());
    }
}

/// Names one model.
fn key(line: &ModelReport) -> (String, Option<u64>, Option<String>) {
    (line.model.clone(), line.batch, line.window.clone())
}

#[tokio::test]
async fn an_observer_is_told_each_line_of_the_report_and_each_pass() {
    let work = Work::new();
    let job = job(3, MODELS);
    work.append(&job, &three_batches()).await;
    let notes = Arc::new(Notes::default());
    let prepared = work.prepare_observed(&job, Existing::Keep, notes.clone());
    let prepared = prepared.await.unwrap();
    assert!(
        notes.lines.lock().unwrap().is_empty(),
        "nothing is there yet"
    );
    let stop = CancellationToken::new();
    let report = prepared.train(&work.cluster, stop).await.unwrap();

    let lines = notes.lines.lock().unwrap().clone();
    let last: BTreeMap<_, _> = lines.iter().map(|line| (key(line), line)).collect();
    let reported: BTreeMap<_, _> = report.models.iter().map(|line| (key(line), line)).collect();
    assert_eq!(last, reported);
    let outcomes: Vec<Outcome> = report.models.iter().map(|line| line.status).collect();
    assert!(outcomes.contains(&Failed) && outcomes.contains(&Trained));
    for line in report.models.iter().filter(|line| line.status == Trained) {
        let first = lines.iter().find(|told| key(told) == key(line)).unwrap();
        assert_eq!(first.status, Planned, "{line:?}");
    }

    let mut begun = notes.begun.lock().unwrap().clone();
    begun.sort_unstable();
    let expected = ["chain", "each"].map(|model| [1, 2, 3].map(|n| (model.to_owned(), n)));
    assert_eq!(begun, expected.concat());

    let passes = notes.passes.lock().unwrap().clone();
    let numbers: Vec<u32> = passes.iter().map(|pass| pass.pass).collect();
    let counted = u32::try_from(passes.len()).unwrap();
    assert_eq!(numbers, (1..=counted).collect::<Vec<_>>());
    assert!(passes.iter().all(|pass| pass.model == "whole"));
    assert!(
        passes
            .iter()
            .any(|pass| pass.cost.is_some() && pass.moved.is_some())
    );

    // All models are there now, and the observer is told so before anything is asked of the cluster.
    let again = Arc::new(Notes::default());
    let prepared = work
        .prepare_observed(&job, Existing::Keep, again.clone())
        .await;
    let known = again.lines.lock().unwrap().len();
    assert!(known >= 5, "{known} of {:?}", prepared.unwrap().pending());
}

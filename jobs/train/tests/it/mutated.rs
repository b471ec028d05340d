//! Batches with seeded damage: no model learns from rows that changed, and no run panics or hangs.

use std::collections::BTreeMap;

use bytes::Bytes;
use gugus_damage::{cases, damaged, in_time};
use gugus_models::Existing;
use gugus_spec::{BatchNumber, Job};
use gugus_train::Outcome::{Failed, Trained};
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio_util::sync::CancellationToken;

use crate::kit::{Work, assert_failed, borrowed, by_batch, job, lines, scattered};

const MODEL: &str = "[[models]]\nname = \"m\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 1\n";

/// Cases of one seed: a few seconds in a debug build.
const CASES: u64 = 150;

fn name(number: u64) -> String {
    BatchNumber::new(number).unwrap().file_name()
}

/// The models that read the changed column fail, and no other model.
#[tokio::test]
async fn a_changed_row_fails_the_models_that_read_it() {
    let work = Work::new();
    let all = "[[models]]\nname = \"all\"\nfeatures = [\"x\"]\nk = 2\nscope = \"all\"\n";
    let other = "[[models]]\nname = \"other\"\nfeatures = [\"y\"]\nk = 2\n";
    let job = job(20, &format!("{MODEL}{all}{other}"));
    work.append(&job, &borrowed(&scattered(0..60))).await;
    let files = work.batches.object_store();
    let second = work.batches.object_path(&name(2));
    let whole = files.get(&second).await.unwrap().bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(whole.clone()).unwrap();
    let mut columns = reader.metadata().row_group(0).columns().iter();
    let x = columns.find(|column| column.column_path().string() == "x");
    let (start, length) = x.unwrap().byte_range();
    let mut altered = whole.to_vec();
    altered[(start + length - 1) as usize] ^= 1;
    files.put(&second, altered.into()).await.unwrap();

    let report = work.train(&job).await;
    let expected = [(1, Trained), (2, Failed), (3, Trained)];
    assert_eq!(by_batch(&report, "m"), expected, "{report:?}");
    for line in [lines(&report, "m")[1], lines(&report, "all")[0]] {
        assert_failed(line, "is not as it was written");
        assert_failed(line, &name(2));
    }
    let expected = [(1, Trained), (2, Trained), (3, Trained)];
    assert_eq!(by_batch(&report, "other"), expected, "{report:?}");
}

/// The files of a folder of batches, by their numbers.
type Files = BTreeMap<u64, Bytes>;

/// What a run makes of these files.
#[derive(Default)]
struct Made {
    /// The centers of each batch that has a model.
    centers: BTreeMap<u64, Vec<Vec<f64>>>,
    /// Why a run was refused, and why models failed.
    reasons: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn trained(files: Files, job: Job) -> Made {
    let work = Work::new();
    for (number, bytes) in files {
        let path = work.batches.object_path(&name(number));
        let store = work.batches.object_store();
        store.put(&path, bytes.into()).await.unwrap();
    }
    let mut made = Made::default();
    let prepared = match work.prepare(&job, Existing::Keep).await {
        Ok(prepared) => prepared,
        Err(refused) => {
            made.reasons.push(gugus_error::chain(&refused));
            return made;
        }
    };
    let report = prepared.train(&work.cluster, CancellationToken::new());
    let report = report.await.unwrap();
    for line in lines(&report, "m") {
        made.reasons.extend(line.reason.clone());
    }
    for (batch, outcome) in by_batch(&report, "m") {
        if outcome == Trained {
            let centers = work.centers("m", BatchNumber::new(batch).unwrap()).await;
            made.centers.insert(batch, centers);
        }
    }
    made
}

/// Each run is refused, or its models are those of the whole batches.
#[tokio::test]
async fn no_damage_changes_a_model() {
    let work = Work::new();
    let job = job(20, MODEL);
    work.append(&job, &borrowed(&scattered(0..60))).await;
    let mut files = Files::new();
    for number in 1..=3 {
        let path = work.batches.object_path(&name(number));
        let file = work.batches.object_store().get(&path).await.unwrap();
        files.insert(number, file.bytes().await.unwrap());
    }
    let damage = move || {
        let whole = trained(files.clone(), job.clone());
        assert_eq!(whole.centers.len(), 3, "{:?}", whole.reasons);
        let (mut refused, mut failed) = (0, 0);
        let ran = cases(CASES, 91, |draw| {
            let number = 1 + draw.below(3) as u64;
            let mut altered = files.clone();
            let damaged = damaged(&files[&number], draw);
            altered.insert(number, damaged.into());
            let job = job.clone();
            let made = in_time(move || trained(altered, job))?;
            let said = made.reasons.join("\n");
            if said.contains("panicked") {
                return Err(said);
            }
            match made.centers.len() {
                0 => refused += 1,
                1 | 2 => failed += 1,
                _ => {}
            }
            let mut others = made.centers.iter();
            match others.find(|(batch, centers)| whole.centers[*batch] != **centers) {
                Some((batch, _)) => Err(format!("batch {batch} has another model")),
                None => Ok(()),
            }
        });
        let both = refused > 0 && failed > 0;
        assert!(ran < CASES || both, "{refused} {failed}");
    };
    tokio::task::spawn_blocking(damage).await.unwrap();
}

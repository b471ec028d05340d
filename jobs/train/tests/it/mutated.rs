//! Batches with a flipped bit: no model learns from rows that changed.

use gugus_models::Existing;
use gugus_spec::BatchNumber;
use gugus_train::Outcome::{Failed, Trained};
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio_util::sync::CancellationToken;

use crate::kit::{Work, assert_failed, borrowed, by_batch, job, lines, scattered};

const MODEL: &str = "[[models]]\nname = \"m\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 1\n";

/// Flipped bits that are tried.
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

/// Each run is refused, or its models are those of the whole batches.
#[tokio::test]
async fn no_flipped_bit_changes_a_model() {
    let mut work = Work::new();
    let job = job(20, MODEL);
    work.append(&job, &borrowed(&scattered(0..60))).await;
    work.train(&job).await;
    let mut expected = Vec::new();
    for number in 1..=3 {
        let number = BatchNumber::new(number).unwrap();
        expected.push(work.centers("m", number).await);
    }
    let files = work.batches.object_store();
    let (mut refused, mut failed) = (0, 0);
    for case in 0..CASES {
        let number = 1 + case % 3;
        let path = work.batches.object_path(&name(number));
        let whole = files.get(&path).await.unwrap().bytes().await.unwrap();
        let mut altered = whole.to_vec();
        let bit = case * 2_654_435_761 % (altered.len() as u64 * 8);
        altered[(bit / 8) as usize] ^= 1 << (bit % 8);
        files.put(&path, altered.into()).await.unwrap();
        work.models = gugus_files::Store::in_memory();
        match work.prepare(&job, Existing::Keep).await {
            Err(_) => refused += 1,
            Ok(prepared) => {
                let report = prepared.train(&work.cluster, CancellationToken::new());
                for (batch, outcome) in by_batch(&report.await.unwrap(), "m") {
                    if outcome != Trained {
                        failed += 1;
                        continue;
                    }
                    let number = BatchNumber::new(batch).unwrap();
                    let centers = work.centers("m", number).await;
                    assert_eq!(centers, expected[batch as usize - 1], "bit {bit} of {path}");
                }
            }
        }
        files.put(&path, whole.into()).await.unwrap();
    }
    assert!(refused > 0 && failed > 0, "{refused} {failed}");
}

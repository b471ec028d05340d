//! What becomes of batches that allow no model, and of models that are there.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bytes::Bytes;
use gugus_batches::FOOTER_KEY;
use gugus_files::{HASH_KEY, catch_panic};
use gugus_models::Existing;
use gugus_spec::{BatchNumber, Job};
use gugus_train::Outcome::{Failed, Planned, Skipped, Trained};
use object_store::ObjectStoreExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tokio_util::sync::CancellationToken;

use crate::kit::{Row, Work, assert_failed, by_batch, job, lines, places, three_batches};

const MODEL: &str = "[[models]]\nname = \"m\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 1\n";

/// Five rows for one batch; the last one is odd.
fn batch_of<'a>(x: &'a str, y: &'a str) -> Vec<Row<'a>> {
    places(&[["1", "1"], ["2", "2"], ["8", "8"], ["9", "9"], [x, y]])
}

fn number(number: u64) -> BatchNumber {
    BatchNumber::new(number).unwrap()
}

#[tokio::test]
async fn every_outcome_is_named_and_the_other_batches_train() {
    let work = Work::new();
    let models = format!(
        "{MODEL}[[models]]\nname = \"positive\"\nwhere = \"x > 0\"\nfeatures = [\"x\", \"y\"]\nk = 3\n\
         [[models]]\nname = \"lenient\"\nfeatures = [\"x\", \"y\"]\nk = 3\nhandle_invalid = \"skip\"\n\
         [[models]]\nname = \"angle\"\nfeatures = [\"x\", \"y\"]\nk = 2\ndistance_measure = \"cosine\"\n\
         [[models]]\nname = \"divided\"\nfeatures = [{{ name = \"d\", sql = \"100 / cast(x as bigint)\" }}, \"y\"]\nk = 2\n"
    );
    let job = job(5, &models);
    let negative = [
        ["-1", "1"],
        ["-2", "2"],
        ["-3", "3"],
        ["-4", "4"],
        ["-5", "5"],
    ];
    let two = [["1", "1"], ["1", "1"], ["2", "2"], ["2", "2"], ["2", "2"]];
    let rows = [
        batch_of("5", "5"),      // 1: nothing odd
        places(&two),            // 2: two distinct points
        batch_of("NaN", "5"),    // 3: a NaN
        batch_of("5", "inf"),    // 4: an infinity
        places(&[["", "1"]; 5]), // 5: x is null throughout
        places(&negative),       // 6: empty after `where`
        batch_of("0", "0"),      // 7: a zero vector, and a division by zero
        batch_of("6", "6"),      // 8: nothing odd
    ];
    work.append(&job, &rows.concat()).await;

    let report = work.train(&job).await;
    let line = |model: &str, batch: usize| {
        let line = lines(&report, model)[batch - 1];
        assert_eq!(line.batch, Some(batch as u64));
        line
    };
    let failed = |model, batch, words: &str| assert_failed(line(model, batch), words);
    for batch in [1, 2, 6, 7, 8] {
        assert_eq!(line("m", batch).status, Trained, "batch {batch}");
    }
    assert_eq!(line("m", 2).sizes.len(), 2);
    failed("m", 3, "feature \"x\": 1 of 5 rows");
    failed("m", 4, "feature \"y\": 1 of 5 rows are infinite");
    failed("m", 5, "feature \"x\": 5 of 5 rows");
    failed("positive", 6, "no row is left by `where`");
    assert_eq!(line("positive", 7).status, Trained);
    assert_eq!(line("lenient", 3).status, Trained);
    assert_eq!(line("lenient", 3).rows, 4);
    failed("lenient", 4, "infinite");
    failed("lenient", 5, "feature \"x\": 5 of 5 rows");
    failed("angle", 7, "zero");
    assert_eq!(line("angle", 8).status, Trained);
    // The expression fails on a row of batch 7 only, and that is found out.
    failed("divided", 7, "ivide by zero");
    for batch in [1, 2, 6, 8] {
        assert_eq!(line("divided", batch).status, Trained, "batch {batch}");
    }
    // Models stand in the order of the job file.
    let mut order: Vec<&str> = report.models.iter().map(|l| l.model.as_str()).collect();
    order.dedup();
    assert_eq!(order, ["m", "positive", "lenient", "angle", "divided"]);
}

#[tokio::test]
async fn a_commit_without_rows_is_skipped() {
    let work = Work::new();
    let job = job(2, MODEL);
    work.append_no_rows(&job).await;
    let report = work.train(&job).await;
    assert_eq!(report.skipped, 1);
    let reason = lines(&report, "m")[0].reason.as_deref();
    assert_eq!(reason, Some("the batch has no rows"));
}

/// Both found no model, and both fit the same batches.
#[tokio::test]
async fn two_runs_of_one_job_at_the_same_time_both_finish() {
    let work = Work::new();
    let job_file = job(5, MODEL);
    work.append(&job_file, &batch_of("5", "5")).await;
    let second = work.prepare(&job_file, Existing::Keep).await.unwrap();
    let other = job(5, &MODEL.replace("k = 3", "k = 2"));
    let other = work.prepare(&other, Existing::Keep).await.unwrap();
    let first = work.train(&job_file).await;
    let centers = work.centers("m", number(1)).await;

    let trained = second.train(&work.cluster, CancellationToken::new());
    let report = trained.await.unwrap();
    assert_eq!(
        (first.trained, first.skipped),
        (report.skipped, report.trained)
    );
    let reason = lines(&report, "m")[0].reason.as_deref();
    assert_eq!(reason, Some("the model is there already"));

    let trained = other.train(&work.cluster, CancellationToken::new());
    let error = trained.await.unwrap_err().to_string();
    assert!(error.contains("m/batch_00000001"), "{error}");
    assert!(!error.contains("--retrain"), "{error}");
    assert_eq!(work.centers("m", number(1)).await, centers);
}

#[tokio::test]
async fn a_model_that_differs_is_named_and_nothing_is_begun() {
    let work = Work::new();
    let as_it_was = job(5, MODEL);
    let changed = job(5, &MODEL.replace("k = 3", "k = 2"));
    work.append(&as_it_was, &batch_of("5", "5")).await;
    work.train(&as_it_was).await;
    let before = work.centers("m", number(1)).await;

    let refused = work.refused(&changed).await;
    assert!(
        refused.contains("parameters") && refused.contains("--retrain"),
        "{refused}"
    );
    assert_eq!(work.centers("m", number(1)).await, before);

    // The same model under another job's name, over batches of that job.
    let other = Job {
        name: "other".parse().unwrap(),
        ..as_it_was.clone()
    };
    let others = Work {
        models: work.models.clone(),
        ..Work::new()
    };
    others.append(&other, &batch_of("5", "5")).await;
    let refused = others.refused(&other).await;
    assert!(
        refused.contains("job: test in the folder, other in this run"),
        "{refused}"
    );

    assert_eq!(work.retrain(&changed).await.trained, 1);
    assert_eq!(work.centers("m", number(1)).await.len(), 2);
}

#[tokio::test]
async fn more_batches_than_a_wave_holds_train_in_several_and_none_twice() {
    let work = Work::new();
    let job = job(2, &MODEL.replace("k = 3", "k = 2"));
    let rows: Vec<Row<'_>> = places(&[["1", "2"], ["3", "4"]]).repeat(503);
    work.append(&job, &rows).await;
    let planned = work.prepare(&job, Existing::Keep).await.unwrap();
    assert_eq!(planned.pending(), 503);
    let planned = planned.dry_run();
    assert_eq!(planned.planned, 503);
    assert_eq!(by_batch(&planned, "m")[502], (503, Planned));
    let report = work.train(&job).await;
    let all: Vec<_> = (1..=503).map(|batch| (batch, Trained)).collect();
    assert_eq!(by_batch(&report, "m"), all);
    let again = work.train(&job).await;
    assert_eq!((again.trained, again.skipped), (0, 503));
    assert_eq!(by_batch(&again, "m")[0], (1, Skipped));
}

#[tokio::test]
async fn a_run_that_is_stopped_says_what_it_did() {
    let work = Work::new();
    let job = job(5, MODEL);
    work.append(&job, &batch_of("5", "5")).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let prepared = work.prepare(&job, Existing::Keep).await.unwrap();
    let stopped = prepared.train(&work.cluster, stop).await.unwrap_err();
    assert!(
        matches!(&stopped, gugus_train::Error::Interrupted { report } if report.trained == 0),
        "{stopped:?}"
    );
    assert_eq!(work.train(&job).await.trained, 1);
}

#[tokio::test]
async fn what_a_batch_does_not_allow_fails_for_it_alone() {
    let work = Work::new();
    let models =
        "[[models]]\nname = \"m\"\nalgorithm = \"gmm\"\nfeatures = [\"x\", \"y\"]\nk = 2\n";
    let job = job(3, models);
    work.append(&job, &three_batches()).await;
    let report = work.train(&job).await;
    let expected = [(1, Trained), (2, Failed), (3, Failed)];
    assert_eq!(by_batch(&report, "m"), expected, "{report:?}");
    let lines = lines(&report, "m");
    assert_failed(lines[1], "feature \"y\": 1 of 3 rows are null or NaN");
    assert_failed(lines[2], "lower k");
}

fn without_hash(entry: &KeyValue) -> Option<KeyValue> {
    let (key, value) = (entry.key.clone(), entry.value.as_deref()?);
    match key.as_str() {
        HASH_KEY => None,
        FOOTER_KEY => {
            let mut footer: serde_json::Value = serde_json::from_str(value).unwrap();
            footer.as_object_mut().unwrap().remove("previous_hash");
            Some(KeyValue::new(key, footer.to_string()))
        }
        _ => Some(entry.clone()),
    }
}

/// The bytes of a batch file with damage that makes the reader of Parquet panic, which it does on some bytes.
fn panicking(bytes: Bytes) -> Bytes {
    let rewritten = {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let keys = reader.metadata().file_metadata().key_value_metadata();
        // A batch of an earlier build, whose hashes do not stop the reader before it panics.
        let keys = keys.map(|keys| keys.iter().filter_map(without_hash).collect());
        // The reader has put the footer into the schema, too. Not compressed, every byte of the rows has a meaning.
        let schema = Arc::new(Schema::new(reader.schema().fields().clone()));
        let properties = WriterProperties::builder()
            .set_key_value_metadata(keys)
            .set_statistics_enabled(EnabledStatistics::None)
            .build();
        let mut writer =
            ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties)).unwrap();
        for rows in reader.build().unwrap() {
            let columns = rows.unwrap().columns().to_vec();
            writer
                .write(&RecordBatch::try_new(schema.clone(), columns).unwrap())
                .unwrap();
        }
        writer.into_inner().unwrap()
    };
    let panics = |bytes: &[u8]| {
        let bytes = Bytes::copy_from_slice(bytes);
        let read = move || {
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()?;
            Ok(reader.collect::<Result<Vec<_>, _>>()?)
        };
        // The footer stays as it is, so a panic is one over the rows.
        catch_panic(read)
            .is_err_and(|error| error.to_string().contains("the parquet reader gave up"))
    };
    let footer = rewritten.len() - 8;
    let length = u32::from_le_bytes(rewritten[footer..footer + 4].try_into().unwrap());
    for at in 4..footer - length as usize {
        let mut damaged = rewritten.clone();
        damaged[at] = 0xff;
        if panics(&damaged) {
            return damaged.into();
        }
    }
    panic!("no byte makes the reader panic")
}

#[tokio::test]
async fn a_file_that_makes_its_reader_panic_fails_alone() {
    let work = Work::new();
    let all = "[[models]]\nname = \"all\"\nfeatures = [\"x\"]\nk = 2\nscope = \"all\"\n";
    let job = job(5, &format!("{MODEL}{all}"));
    work.append(
        &job,
        &[batch_of("5", "5"), batch_of("5", "5"), batch_of("6", "6")].concat(),
    )
    .await;
    let files = work.batches.object_store();
    let second = work.batches.object_path(&number(2).file_name());
    let bytes = files.get(&second).await.unwrap().bytes().await.unwrap();
    files.put(&second, panicking(bytes).into()).await.unwrap();

    let report = work.train(&job).await;
    let expected = [(1, Trained), (2, Failed), (3, Trained)];
    assert_eq!(by_batch(&report, "m"), expected, "{report:?}");
    for line in [lines(&report, "m")[1], lines(&report, "all")[0]] {
        assert_failed(
            line,
            "`gugus batches verify` tells whether its file is damaged",
        );
        assert_failed(line, &number(2).file_name());
    }
}

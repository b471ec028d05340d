//! The pages of batches and models, over stores that a run has used: a log with a reject and a jump, models that are ready,
//! one that the data did not allow, and a folder that is none.

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMillisecondArray,
};
use gugus_batches::{
    Appended, BatchLog, Jump, JumpReason, OFFSET, PARTITION, RejectedRecord, TIMESTAMP, TopicDraft,
};
use gugus_files::Store;
use gugus_spec::OffsetRange;
use serde_json::{Value, json};

use crate::kit::http::{ask, send_and_stay, text};
use crate::kit::machines::{Scheduler, executor};
use crate::kit::same::{contains, holds};
use crate::kit::wait::until_so;
use crate::kit::work::{Work, model};

const HOSTILE: &str = "<script>alert(1)</script>";

/// Rows at the offsets `first..next` of partition 0. An infinity among them allows no model.
fn draft(first: i64, next: i64, infinite: bool) -> TopicDraft {
    let offsets: Vec<i64> = (first..next).collect();
    let x = |offset: &i64| match offset {
        _ if infinite && *offset == first => f64::INFINITY,
        even if even % 2 == 0 => *even as f64 / 100.0,
        odd => 50.0 + *odd as f64 / 100.0,
    };
    let x: ArrayRef = Arc::new(offsets.iter().map(x).collect::<Float64Array>());
    let times = TimestampMillisecondArray::from(vec![Some(1_700_000_000_000); offsets.len()]);
    let rows = RecordBatch::try_from_iter([
        ("x", Arc::clone(&x)),
        ("y", x),
        (
            PARTITION,
            Arc::new(Int32Array::from(vec![0; offsets.len()])) as ArrayRef,
        ),
        (OFFSET, Arc::new(Int64Array::from(offsets))),
        (TIMESTAMP, Arc::new(times.with_timezone("UTC"))),
    ]);
    let range = OffsetRange {
        partition: 0,
        first,
        next,
    };
    TopicDraft::new(rows.unwrap(), vec![range])
}

/// Three batches: one with a reject, one behind a jump, one with an infinity.
fn commit_batches(work: &Work) {
    let reject = RejectedRecord {
        partition: 0,
        offset: 40,
        timestamp: None,
        key: None,
        value: Some([HOSTILE.as_bytes(), b"\xff"].concat()),
        headers: None,
        reason: format!("column \"x\": {HOSTILE} is no float64"),
    };
    let mut first = draft(0, 40, false);
    first.ranges[0].next = 41;
    first.rejects.push(reject);
    let mut second = draft(60, 100, false);
    second.jumps.push(Jump {
        partition: 0,
        from: 41,
        to: 60,
        reason: JumpReason::Deleted,
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&work.path("batch")).unwrap();
        let mut log = BatchLog::open(store, &"test".parse().unwrap(), "test")
            .await
            .unwrap();
        for draft in [first, second, draft(100, 140, true)] {
            let appended = log.append(&draft).await.unwrap();
            assert!(matches!(appended, Appended::Committed(_)));
        }
    });
}

#[test]
fn the_pages_of_stores_tell_what_is_there_and_what_is_wrong() {
    let work = Work::new();
    commit_batches(&work);
    let job = work.job(40, &model("each", "k = 2\nseed = 1\n"));
    fs::create_dir_all(work.path("models/broken/batch_00000001")).unwrap();
    work.write("models/broken/batch_00000001/model.json", "{}");
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "2");
    let run = scheduler
        .submitting(&work, &job, "models", &["--wait"])
        .run();
    run.expect(3);
    let (batches, models) = (work.path("batch"), work.path("models"));
    let told = |path: &str| scheduler.data(path);
    let page = |path: &str| {
        let page = scheduler.page(path);
        assert!(!page.contains("<script>alert"), "{path}");
        page
    };

    // The newest store is shown where none is named.
    let listed = until_so(
        "all footers are read",
        || told("/batches"),
        |told| told["log"]["read"] == 3,
    );
    assert_eq!(listed["store"], json!(batches));
    holds(
        &listed["log"],
        json!({ "job": "test", "batches": 3, "rows": 120, "rejected": 1, "gap": null }),
    );
    let mark = &listed["log"]["partitions"][0]["marks"][0];
    assert_eq!(mark["batch"], json!(2));
    contains(
        mark["text"].as_str().unwrap(),
        &["a jump from offset 41 to 60", "deleted"],
    );
    let sample = &listed["log"]["rejects"][0]["samples"][0];
    holds(
        sample,
        json!({ "batch": 1, "offset": 40, "value": format!("{HOSTILE}\\xff") }),
    );
    contains(
        &page(&format!("/batches?in={batches}")),
        &[
            "1 reject",
            "a jump from offset 41 to 60",
            "<svg",
            "class=\"mark\"",
        ],
    );

    let second = told(&format!("/batches/2?in={batches}"));
    holds(&second, json!({ "rows": 40, "first": 1, "newest": 3 }));
    contains(
        second["problems"][0].as_str().unwrap(),
        &["A jump in partition 0"],
    );
    assert_eq!(
        second["models"],
        json!([{ "store": models, "model": "each", "of": "2", "failure": null }])
    );
    assert_eq!(second["head"]["rows"].as_array().unwrap().len(), 20);
    contains(
        &page(&format!("/batches/1?in={batches}")),
        &["is no float64", "&lt;script&gt;"],
    );
    let third = told(&format!("/batches/3?in={batches}"));
    contains(third["models"][0]["failure"].as_str().unwrap(), &["infin"]);

    let listed = told(&format!("/models?in={models}"));
    assert_eq!(listed["counts"], json!([2, 1, 1]));
    let states = |told: &Value| -> Vec<(String, String)> {
        let rows = told["rows"].as_array().unwrap().iter();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        rows.map(|row| (text(row, "state"), text(row, "of")))
            .collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(state, of)| ((*state).to_owned(), (*of).to_owned()))
            .collect()
    };
    let wrong_first = [
        ("failed", "3"),
        ("unusable", "1"),
        ("ready", "2"),
        ("ready", "1"),
    ];
    assert_eq!(states(&listed), pairs(&wrong_first));
    let by_rows = told(&format!(
        "/models?in={models}&state=ready&sort=trained&order=asc"
    ));
    assert_eq!(by_rows["total"], json!(2));
    contains(
        &page(&format!("/models?in={models}")),
        &["it has no _SUCCESS", "infin", "2 clusters with rows"],
    );

    let failed = told(&format!("/models/each/3?in={models}"));
    holds(&failed, json!({ "state": "failed", "trained": null }));
    contains(failed["reason"].as_str().unwrap(), &["infin"]);
    let broken = told(&format!("/models/broken/1?in={models}"));
    holds(&broken, json!({ "state": "unusable" }));

    // The map is drawn without being asked for; the silhouette is computed on the cluster when somebody asks.
    let model = format!("/models/each/2?in={models}");
    contains(
        &page(&model),
        &[
            "Compute silhouette",
            "KMeansModel.load",
            "curl -X POST",
            &format!("/batches/2?in={batches}"),
            "from batch 1 to batch 2",
        ],
    );
    let drawn = until_so(
        "the map is drawn",
        || told(&model),
        |told| told["trained"]["map"]["picture"]["state"] == "done",
    );
    let picture = drawn["trained"]["map"]["picture"]["of"].as_str().unwrap();
    let answer = ask(&format!("{}{picture}", scheduler.http), &[]);
    assert_eq!(answer.headers()["content-type"], "image/svg+xml");
    contains(&text(answer), &["<svg", "40 rows"]);
    let press = format!("{}/models/each/2/silhouette?in={models}", scheduler.http);
    let pressed = send_and_stay(&press, &[], "");
    assert_eq!(pressed.status(), 303);
    assert_eq!(
        pressed.headers()["location"],
        format!("{model}#silhouette").as_str()
    );
    let computed = until_so(
        "the silhouette is computed",
        || told(&model),
        |told| told["trained"]["silhouette"]["state"] == "done",
    );
    let figure = computed["trained"]["silhouette"]["of"]["silhouette"]
        .as_f64()
        .unwrap();
    assert!(figure > 0.9 && figure <= 1.0, "{figure}");

    let front = until_so(
        "the pipeline is counted",
        || told("/"),
        |told| told["pipelines"][0]["source"]["count"] == 121,
    );
    holds(
        &front["pipelines"][0],
        json!({ "topic": "test", "imports": false, "batches": batches, "models": models }),
    );
    assert_eq!(front["pipelines"][0]["batch"]["count"], json!(3));
    assert_eq!(front["pipelines"][0]["model"]["count"], json!(2));
    assert_eq!(front["failed_today"], json!(1));
    contains(
        &page("/"),
        &[
            "1 executor, no run is under way, 1 run with failures today",
            "121 records",
            "3 batches",
            "2 models",
        ],
    );
}

#[test]
fn places_of_pages_are_checked_like_those_of_runs() {
    let work = Work::new();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().to_str().unwrap();
    let status = |path: &str| {
        ask(&format!("{}{path}", scheduler.http), &[])
            .status()
            .as_u16()
    };
    for place in [
        outside,
        "/etc",
        "data/batch",
        "file:///etc",
        &work.path("../.."),
    ] {
        for path in [
            "/batches",
            "/batches/1",
            "/models",
            "/models/m/1",
            "/models/m/1/map.svg",
        ] {
            for path in [
                format!("{path}?in={place}"),
                format!("/gugus/v1{path}?in={place}"),
            ] {
                let picture = path.starts_with("/gugus") && path.contains("map.svg");
                assert_eq!(status(&path), if picture { 404 } else { 422 }, "{path}");
            }
        }
    }
    // A place that may be looked at and has nothing says so.
    let nothing = work.path("nothing");
    let page = text(ask(
        &format!("{}/batches?in={nothing}", scheduler.http),
        &[],
    ));
    contains(&page, &["there is no batch folder"]);
    let page = text(ask(&format!("{}/models?in={nothing}", scheduler.http), &[]));
    contains(&page, &["There is no model in this folder yet"]);
    for path in ["/batches/0", "/batches/x", "/models/m/x", "/models/m/7"] {
        assert_eq!(status(&format!("{path}?in={nothing}")), 404, "{path}");
    }
}

//! One whole pass through a real Apache Kafka.

use std::time::Duration;

use serde_json::json;

use crate::kafka::Kafka;
use crate::process::{Signal, run, up};
use crate::work::{Work, shipped};

#[test]
fn produce_ingest_train_serve_with_three_partitions() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.fresh_topic("pass", 3);
    let work = Work::new();
    let text = std::fs::read_to_string(shipped("crime.toml")).unwrap();
    let named = text.lines().map(|line| {
        if line.starts_with("topic") {
            format!("topic = \"{topic}\"")
        } else {
            line.to_owned()
        }
    });
    let job = work.write("crime.toml", named.collect::<Vec<_>>().join("\n"));
    let csv = work.path("in.csv");
    run([
        "generate",
        "--records",
        "1000",
        "--seed",
        "5",
        "--output",
        &csv,
    ])
    .expect(0);

    let sent = run([
        "produce",
        "--job",
        &job,
        "--brokers",
        kafka.brokers(),
        "--input",
        &csv,
        "--output",
        "json",
    ]);
    assert_eq!(sent.expect(0).json()["records"], 1_000);
    assert_eq!(kafka.ends(&topic, 3).iter().sum::<i64>(), 1_000);
    let batches = work.path("batch");
    run([
        "ingest",
        "--job",
        &job,
        "--brokers",
        kafka.brokers(),
        "--batches",
        &batches,
        "--until-end",
    ])
    .expect(0);
    let verified = run([
        "batches",
        "verify",
        "--batches",
        &batches,
        "--output",
        "json",
    ])
    .expect(0)
    .json();
    assert_eq!(
        (&verified["records"], &verified["rejected"]),
        (&json!(1_000), &json!(0))
    );
    let partitions: Vec<_> = verified["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["next"].as_i64().unwrap())
        .collect();
    assert_eq!(partitions, kafka.ends(&topic, 3));

    // Nothing more is there: the second ingest commits nothing.
    run([
        "ingest",
        "--job",
        &job,
        "--brokers",
        kafka.brokers(),
        "--batches",
        &batches,
        "--until-end",
    ])
    .expect(0);
    let again = run([
        "batches",
        "verify",
        "--batches",
        &batches,
        "--output",
        "json",
    ])
    .expect(0)
    .json();
    assert_eq!(again, verified);

    let report = work.train(&job, &[]).expect(0).json();
    assert_eq!(report["failed"], 0);

    // The same batches, read back as they lie there and imported, give the same centers.
    let files: Vec<String> = (1..=verified["batches"].as_u64().unwrap())
        .map(|number| format!("{batches}/batch_{number:08}.parquet"))
        .collect();
    let imported = work.path("imported");
    let mut import = vec![
        "batches",
        "import",
        "--job",
        &job,
        "--batches",
        &imported,
        "--one-batch-per-file",
    ];
    import.extend(files.iter().map(String::as_str));
    run(import).expect(0);
    run([
        "train",
        "--job",
        &job,
        "--batches",
        &imported,
        "--models",
        &work.path("models2"),
    ])
    .expect(0);
    for model in ["location", "time", "case"] {
        for batch in [1, files.len() as u64] {
            assert_eq!(
                work.centers("models", model, batch),
                work.centers("models2", model, batch),
                "{model} {batch}"
            );
        }
    }

    let serve = up([
        "serve",
        "--models",
        &work.path("models"),
        "--listen",
        "127.0.0.1:0",
    ]);
    let answer: serde_json::Value = ureq::post(format!("{}/predict_cluster/", serve.url("rest")))
        .send_json(json!({"lat": 34.05, "lon": -118.25, "model": 1}))
        .unwrap()
        .body_mut()
        .read_json()
        .unwrap();
    assert!(answer["cluster"].as_u64().unwrap() < 5);
    serve.stop(Signal::Term, Duration::from_secs(30)).expect(0);
}

#[test]
fn an_ingest_that_runs_on_is_stopped_cleanly_and_goes_on_later() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.fresh_topic("stop", 2);
    let work = Work::new();
    let job = work.write(
        "test.toml",
        format!(
            "name = \"stop\"\n[source]\ntopic = \"{topic}\"\n[source.columns]\n\"x\" = {{ type = \"float64\" }}\n\
             \"y\" = {{ type = \"float64\" }}\n[batches]\nrows = 10\n"
        ),
    );
    let rows: Vec<String> = (0..45).map(|i| format!("{i},{}", i * 2)).collect();
    let csv = work.write("in.csv", format!("x,y\n{}\n", rows.join("\n")));
    let batches = work.path("batch");
    let ingest = up([
        "ingest",
        "--job",
        &job,
        "--brokers",
        kafka.brokers(),
        "--batches",
        &batches,
    ]);
    run([
        "produce",
        "--job",
        &job,
        "--brokers",
        kafka.brokers(),
        "--input",
        &csv,
    ])
    .expect(0);
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !std::path::Path::new(&batches)
        .join("batch_00000004.parquet")
        .exists()
    {
        assert!(std::time::Instant::now() < end, "{}", ingest.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
    ingest.stop(Signal::Term, Duration::from_secs(60)).expect(0);
    run([
        "ingest",
        "--job",
        &job,
        "--brokers",
        kafka.brokers(),
        "--batches",
        &batches,
        "--until-end",
    ])
    .expect(0);
    let verified = run([
        "batches",
        "verify",
        "--batches",
        &batches,
        "--output",
        "json",
    ])
    .expect(0)
    .json();
    assert_eq!(
        (&verified["records"], &verified["problems"]),
        (&json!(45), &json!([]))
    );
}

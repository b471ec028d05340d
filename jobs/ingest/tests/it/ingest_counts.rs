//! The metrics of a run.

use gugus_ingest::ingest::Metrics;
use prometheus::{Registry, TextEncoder};

use crate::support::*;

#[tokio::test]
async fn metrics_count_what_is_in_the_batches() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    broker.send_points("t", 2, 0..25);
    let long = br#"{"x":"1","y":"0000000000000000000000000000"}"#;
    let records: [Sent<'_>; 5] = [
        (0, None, Some(b"{")),
        (0, None, None),
        (1, None, Some(br#"{"x":"abc"}"#)),
        (1, None, Some(br#"{"y":"1"}"#)),
        (1, None, Some(long)),
    ];
    broker.send("t", &records);
    let registry = Registry::new();
    let job = points("t", "rows = 10\nmax_record_bytes = \"40B\"");
    let mut config = ingest(&folder, &broker, &job);
    config.metrics = Some(Metrics::registered(&registry).unwrap());
    let summary = run_ingest(config).await.unwrap();
    assert_eq!((summary.records, summary.rejected), (25, 5));
    let text = TextEncoder::new().encode_to_string(&registry.gather());
    let text = text.unwrap();
    for line in [
        "gugus_ingest_records_total 30".to_owned(),
        format!("gugus_ingest_batches_total {}", summary.batches),
        format!("gugus_ingest_commit_seconds_count {}", summary.batches),
        "gugus_ingest_rejected_total{reason=\"not_json\"} 1".to_owned(),
        "gugus_ingest_rejected_total{reason=\"null\"} 1".to_owned(),
        "gugus_ingest_rejected_total{reason=\"value\"} 1".to_owned(),
        "gugus_ingest_rejected_total{reason=\"required\"} 1".to_owned(),
        "gugus_ingest_rejected_total{reason=\"too_large\"} 1".to_owned(),
        "gugus_ingest_write_lag_seconds 0".to_owned(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    let rejects = folder.rejects().await;
    let mut reasons = rejects.iter().map(|(.., reason)| reason);
    let limit = "max_record_bytes = 40";
    assert!(reasons.any(|reason| reason.contains(limit)), "{rejects:?}");
}

/// Registering the metrics twice in one registry is an error.
#[test]
fn a_registry_takes_them_once() {
    let registry = Registry::new();
    Metrics::registered(&registry).unwrap();
    assert!(Metrics::registered(&registry).is_err());
}

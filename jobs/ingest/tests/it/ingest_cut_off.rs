//! A broker that falls silent, as when its network is cut. The broker is librdkafka's mock cluster, a stand-in for Kafka.

use std::time::{Duration, Instant};

use gugus_ingest::ingest::{Connection, Metrics, Until};
use prometheus::{Registry, TextEncoder};

use crate::support::*;

/// How long a loss may go unnoticed.
const NOTICED: Duration = Duration::from_secs(5);

/// The value of a metric, if it is shown.
fn metric(registry: &Registry, name: &str) -> Option<f64> {
    let text = TextEncoder::new().encode_to_string(&registry.gather());
    let text = text.unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines.find_map(|line| line.strip_prefix(' ')?.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_told_within_seconds_and_so_is_its_return() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    broker.send_points("t", 1, 0..5);
    let registry = Registry::new();
    let mut config = ingest(&folder, &broker, &points("t", "rows = 10"));
    config.until = Until::Forever;
    config.metrics = Some(Metrics::registered(&registry).unwrap());
    // The client gives up a connection that stays silent, and makes a new one: after the loss was told.
    config.client.push(property(("socket.timeout.ms", "6000")));
    let mut connection = config.connection.subscribe();
    let mut told = async |wanted: Connection| {
        let begun = Instant::now();
        let told = connection.wait_for(|told| *told == wanted);
        let told = tokio::time::timeout(Duration::from_secs(40), told).await;
        told.expect("told in time").unwrap();
        begun.elapsed()
    };
    const LAG: &str = "gugus_ingest_consumer_lag{partition=\"0\"}";
    const CONNECTED: &str = "gugus_ingest_brokers_connected";

    let running = Running::start(config).await;
    told(Connection::Up).await;
    until("the lag is known", async || {
        metric(&registry, LAG).is_some()
    })
    .await;
    assert_eq!(metric(&registry, CONNECTED), Some(1.0));

    broker.answer_after(Duration::from_secs(600));
    let took = told(Connection::Lost).await;
    assert!(took < NOTICED, "{took:?}");
    assert_eq!(metric(&registry, CONNECTED), Some(0.0));
    until("no lag is shown", async || metric(&registry, LAG).is_none()).await;
    until("the lag in seconds grows", async || {
        metric(&registry, "gugus_ingest_write_lag_seconds").is_some_and(|lag| lag > 3.5)
    })
    .await;
    until("the line says so", async || {
        running.progress.now().message.contains("lag not known")
    })
    .await;

    broker.answer_after(Duration::ZERO);
    told(Connection::Up).await;
    broker.send_points("t", 1, 5..10);
    until("the batch is there", async || folder.batch(1).exists()).await;
    assert_eq!(metric(&registry, CONNECTED), Some(1.0));
    until("the lag is known", async || {
        metric(&registry, LAG).is_some()
    })
    .await;
    assert_eq!(running.stop().await.records, 10);
}

/// A member without partitions asks the brokers for little, and is not mistaken for one that is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spare_member_is_connected_too() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let config = member(&folder, &broker, &points("t", ""), "range");
    let mut spare = config.clone();
    spare.connection = Default::default();
    spare.progress = gugus_progress::Progress::default();
    let connections = [config.connection.subscribe(), spare.connection.subscribe()];
    let running = [Running::start(config).await, Running::start(spare).await];
    // A member that only looked connected at first would be noticed by then. On a busy machine one may look cut off for a
    // moment, and comes back.
    tokio::time::sleep(2 * NOTICED).await;
    until("both are connected", async || {
        let mut connections = connections.iter();
        connections.all(|connection| *connection.borrow() == Connection::Up)
    })
    .await;
    broker.answer_after(Duration::from_secs(600));
    let cut = Instant::now();
    until("both notice", async || {
        let mut connections = connections.iter();
        connections.all(|connection| *connection.borrow() == Connection::Lost)
    })
    .await;
    assert!(cut.elapsed() < NOTICED, "{:?}", cut.elapsed());
    broker.answer_after(Duration::ZERO);
    for running in running {
        running.stop().await;
    }
}

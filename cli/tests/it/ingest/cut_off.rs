//! An ingest whose connection to a real Kafka is cut: nothing is refused or closed, but no byte passes any more. Once a
//! proxy stops passing bytes, and once the link of a machine goes down.

use std::time::{Duration, Instant};

use crate::kit::http;
use crate::kit::kafka::{Kafka, More};
use crate::kit::messages::{self, Message};
use crate::kit::network::Namespace;
use crate::kit::process::{Gugus, Signal};
use crate::kit::proxy::Proxy;
use crate::kit::sender::Sender;
use crate::kit::wait::until;
use crate::kit::work::Work;

/// How long a cut may go unnoticed.
const NOTICED: Duration = Duration::from_secs(5);

/// A second listener of the broker, for the connection that is cut.
const PROPERTIES: &str = "
listeners=PLAINTEXT://127.0.0.1:@BROKER@,CONTROLLER://127.0.0.1:@CONTROLLER@,CUT://@HOST@:@CUT@
advertised.listeners=PLAINTEXT://127.0.0.1:@BROKER@,CUT://@HOST@:@CALLED@
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CUT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
";

/// A broker with a second listener at this address, which it calls by this port.
fn broker(host: &str, called: &str) -> Option<Kafka> {
    let properties = PROPERTIES
        .replace("@HOST@", host)
        .replace("@CALLED@", called);
    let more = More {
        properties: &properties,
        ports: &["CUT"],
        ..More::default()
    };
    Kafka::start_own_with(&more)
}

#[test]
fn an_ingest_that_is_cut_off_is_not_ready_and_says_when_kafka_answers_again() {
    let proxy = Proxy::start();
    let Some(kafka) = broker("127.0.0.1", &proxy.port.to_string()) else {
        return;
    };
    proxy.lead(kafka.port(0));
    let brokers = format!("127.0.0.1:{}", proxy.port);
    let place = Place {
        brokers: &brokers,
        within: &[],
        listen: "127.0.0.1",
    };
    is_told(&kafka, &place, || proxy.cut(), || proxy.mend());
}

#[test]
fn an_ingest_whose_link_goes_down_is_not_ready_and_says_when_kafka_answers_again() {
    let Some(machine) = Namespace::new("an ingest whose link goes down") else {
        return;
    };
    // One link to the broker, and one for its metrics.
    let (link, own) = (machine.link(), machine.link());
    let Some(kafka) = broker(&link.here, "@CUT@") else {
        return;
    };
    let brokers = format!("{}:{}", link.here, kafka.port(0));
    let place = Place {
        brokers: &brokers,
        within: &machine.words(),
        listen: &own.there,
    };
    is_told(&kafka, &place, || link.cut(), || link.mend());
}

/// Where an ingest runs.
struct Place<'a> {
    brokers: &'a str,
    /// The words before its command.
    within: &'a [&'a str],
    /// Its address for metrics.
    listen: &'a str,
}

fn is_told(kafka: &Kafka, place: &Place<'_>, cut: impl FnOnce(), mend: impl FnOnce()) {
    let topic = kafka.fresh_topic("cut", 2);
    let work = Work::new();
    let job = work.write("job.toml", messages::job(&topic, &topic, "rows = 10"));
    let (folder, listen) = (work.path("batch"), format!("{}:0", place.listen));
    let here = ["--listen", &listen];
    let ingest = Gugus::new(["ingest", "--job", &job, "--brokers", place.brokers])
        .under(place.within)
        .with(["--batches", &folder, "-K", "socket.timeout.ms=5000"])
        .with(here)
        .up();
    let get = |path: &str| http::text(http::ask(&format!("{}{path}", ingest.url("http")), &[]));
    let awaits = |what: &str, so: &dyn Fn(&str) -> bool| {
        until(what, || {
            let metrics = get("/metrics");
            so(&metrics).then_some(()).ok_or(metrics)
        });
    };
    let lags = |metrics: &str| metrics.contains("gugus_ingest_consumer_lag{");
    let connected = |metrics: &str| metrics.contains("\ngugus_ingest_brokers_connected 1\n");
    awaits("the lag is known", &|metrics| {
        lags(metrics) && connected(metrics)
    });
    assert_eq!(get("/readyz"), "ready\n");

    cut();
    let cut = Instant::now();
    let mut sender = Sender::new(kafka.brokers(), &topic, 2);
    sender.send((0..30).map(Message::row));
    sender.flush();
    until("it is not ready", || match get("/readyz").as_str() {
        "not ready\n" => Ok(()),
        other => Err(other.to_owned()),
    });
    assert!(cut.elapsed() < NOTICED, "{:?}", cut.elapsed());
    ingest.await_stderr("kafka does not answer");
    awaits("no lag is shown", &|metrics| {
        !lags(metrics) && !connected(metrics)
    });
    let seconds = "gugus_ingest_write_lag_seconds ";
    awaits("the lag in seconds is not 0", &|metrics| {
        let value = metrics.lines().find_map(|line| line.strip_prefix(seconds));
        value.unwrap().parse::<f64>().unwrap() > 3.0
    });

    mend();
    ingest.await_stderr("kafka answers again");
    awaits("the lag is known", &|metrics| {
        lags(metrics) && connected(metrics)
    });
    assert_eq!(get("/readyz"), "ready\n");
    awaits("all records are in batches", &|metrics| {
        metrics.contains("\ngugus_ingest_batches_total 3\n")
    });
    ingest.stop(Signal::Term).expect(0);
    assert_eq!(work.verify()["records"], 30);
}

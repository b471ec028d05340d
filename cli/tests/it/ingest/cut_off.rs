//! An ingest whose connection to a real Kafka is cut: nothing is refused or closed, but no byte passes any more.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::kit::http;
use crate::kit::kafka::{Kafka, More};
use crate::kit::messages::{self, Message};
use crate::kit::process::{Gugus, Signal};
use crate::kit::sender::Sender;
use crate::kit::wait::until;
use crate::kit::work::Work;

/// How long a cut may go unnoticed.
const NOTICED: Duration = Duration::from_secs(5);

/// A second listener of the broker, which calls itself by the address of the [`Proxy`].
const PROPERTIES: &str = "
listeners=PLAINTEXT://127.0.0.1:@BROKER@,CONTROLLER://127.0.0.1:@CONTROLLER@,CUT://127.0.0.1:@CUT@
advertised.listeners=PLAINTEXT://127.0.0.1:@BROKER@,CUT://127.0.0.1:@PROXY@
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CUT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
";

/// Passes bytes to a port of this machine until it is cut.
struct Proxy {
    port: u16,
    to: Arc<AtomicU16>,
    is_cut: Arc<AtomicBool>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            to: Arc::default(),
            is_cut: Arc::default(),
        };
        let (to, is_cut) = (Arc::clone(&proxy.to), Arc::clone(&proxy.is_cut));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(broker) = TcpStream::connect(("127.0.0.1", to.load(Ordering::SeqCst)))
                else {
                    continue;
                };
                for (from, to) in [(&client, &broker), (&broker, &client)] {
                    let ends = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let is_cut = Arc::clone(&is_cut);
                    std::thread::spawn(move || pass(ends, &is_cut));
                }
            }
        });
        proxy
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }
}

fn pass((mut from, mut to): (TcpStream, TcpStream), is_cut: &AtomicBool) {
    let pause = Duration::from_millis(10);
    from.set_read_timeout(Some(pause)).unwrap();
    let mut bytes = [0; 64 * 1024];
    loop {
        if is_cut.load(Ordering::SeqCst) {
            std::thread::sleep(pause);
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => {
                if to.write_all(&bytes[..length]).is_err() {
                    break;
                }
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn an_ingest_that_is_cut_off_is_not_ready_and_says_when_kafka_answers_again() {
    let proxy = Proxy::start();
    let properties = PROPERTIES.replace("@PROXY@", &proxy.port.to_string());
    let more = More {
        properties: &properties,
        ports: &["CUT"],
        ..More::default()
    };
    let Some(kafka) = Kafka::start_own_with(&more) else {
        return;
    };
    proxy.to.store(kafka.port(0), Ordering::SeqCst);
    let topic = kafka.fresh_topic("cut", 2);
    let work = Work::new();
    let job = work.write("job.toml", messages::job(&topic, &topic, "rows = 10"));
    let brokers = format!("127.0.0.1:{}", proxy.port);
    let (folder, here) = (work.path("batch"), ["--listen", "127.0.0.1:0"]);
    let ingest = Gugus::new(["ingest", "--job", &job, "--brokers", &brokers])
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

    proxy.cut(true);
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

    proxy.cut(false);
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

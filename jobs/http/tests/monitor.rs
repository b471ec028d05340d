//! A monitor on a real socket.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::mpsc;

use gugus_http::{Hosts, Monitor, Readiness, serve};
use prometheus::IntCounter;
use tokio_util::sync::CancellationToken;

fn get(url: &str) -> (u16, String) {
    get_as(url, None)
}

/// As [`get`], by another name of the port.
fn get_as(url: &str, host: Option<&str>) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = agent.get(url);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let mut answer = request.call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), text)
}

#[test]
fn it_shows_metrics_and_readiness_until_it_is_told_to_stop() {
    let monitor = Monitor::new().unwrap();
    let counter = IntCounter::new("things_total", "Things.").unwrap();
    monitor
        .registry()
        .register(Box::new(counter.clone()))
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ip = listener.local_addr().unwrap().ip();
    let hosts = Hosts::of(ip, None, ["executor-1".to_owned()], &[]);
    let shutdown = CancellationToken::new();
    let (tell, told) = mpsc::channel();
    let serving = std::thread::spawn({
        let (monitor, shutdown) = (monitor.clone(), shutdown.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .unwrap();
            let ready = move |address| tell.send(address).unwrap();
            runtime.block_on(serve(listener, monitor.routes(hosts), ready, shutdown))
        }
    });
    let url = format!("http://{}", told.recv().unwrap());
    assert_eq!(get(&format!("{url}/healthz")).0, 200);
    assert_eq!(get(&format!("{url}/readyz")).0, 503);
    monitor.set(Readiness::Ready);
    assert_eq!(get(&format!("{url}/readyz")).0, 200);
    monitor.set(Readiness::NotReady);
    assert_eq!(get(&format!("{url}/readyz")).0, 503);
    counter.inc_by(3);
    let (status, text) = get(&format!("{url}/metrics"));
    assert_eq!(status, 200);
    assert!(text.contains("things_total 3\n"), "{text}");
    assert!(
        text.contains(&format!(
            "gugus_build_info{{version=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION")
        )),
        "{text}"
    );
    assert_eq!(get(&format!("{url}/nowhere")).0, 404);
    let metrics = format!("{url}/metrics");
    for (name, status) in [
        ("localhost", 200),
        ("executor-1:50070", 200),
        ("evil.example", 421),
        ("no name", 421),
    ] {
        let (answered, text) = get_as(&metrics, Some(name));
        assert_eq!(answered, status, "{name}");
        assert_eq!(text.contains("things_total"), status == 200, "{name}");
    }
    shutdown.cancel();
    serving.join().unwrap().unwrap();
}

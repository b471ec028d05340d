//! The second port of `serve`.

use std::net::TcpStream;

use crate::kit::certificates::Authority;
use crate::kit::process::Signal;
use crate::kit::work::Work;

#[test]
fn the_port_of_grpc_is_told_and_ends_with_that_of_rest() {
    let work = Work::new();
    let config = work.write("mine.toml", "[serve]\ngrpc_listen = \"127.0.0.1:0\"\n");
    for gugus in [
        work.serving().with(["--grpc-listen", "127.0.0.1:0"]),
        work.serving().env("GUGUS_GRPC_LISTEN", "127.0.0.1:0"),
        work.serving().with(["--config", &config]),
    ] {
        let served = gugus.up();
        let address = served
            .url("grpc")
            .strip_prefix("grpc://")
            .unwrap()
            .to_owned();
        assert_ne!(served.url("rest"), format!("http://{address}"));
        TcpStream::connect(&address).unwrap();
        served.stop(Signal::Term).expect(0);
        TcpStream::connect(&address).unwrap_err();
    }
}

#[test]
fn the_certificate_counts_for_both_ports() {
    let work = Work::new();
    let signed = Authority::new("a").unwrap().server("127.0.0.1").unwrap();
    let certificate = work.write("own.pem", signed.certificate);
    let key = work.write("own.key", signed.key);
    let served = work
        .serving()
        .with(["--tls-cert", &certificate, "--tls-key", &key])
        .with(["--grpc-listen", "127.0.0.1:0"])
        .up();
    assert!(served.url("grpc").starts_with("grpcs://127.0.0.1:"));
    served.stop(Signal::Term).expect(0);
}

//! TLS, token and version on real sockets: whom a port hears, and what those are told whom it does not hear.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use gugus_engine::{
    ABOUT_PATH, About, Access, AccessError, Cluster, ClusterError, ClusterUrl, Guard, Port,
    SchedulerAbout, Security, Tls, TlsError, TlsFiles, Token,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Endpoint;

const BOTH: [ExtendedKeyUsagePurpose; 2] = [
    ExtendedKeyUsagePurpose::ServerAuth,
    ExtendedKeyUsagePurpose::ClientAuth,
];

/// An authority and the certificates that it signed, as files.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let own = parameters.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), own.pem()).unwrap();
        Self {
            folder,
            issuer: Issuer::new(parameters, key),
        }
    }

    fn files(&self, name: &str, usages: &[ExtendedKeyUsagePurpose]) -> TlsFiles {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = usages.to_vec();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let path = |suffix: &str| self.folder.path().join(format!("{name}.{suffix}"));
        std::fs::write(path("pem"), certificate.pem()).unwrap();
        std::fs::write(path("key"), key.serialize_pem()).unwrap();
        TlsFiles {
            authority: self.folder.path().join("ca.pem"),
            certificate: path("pem"),
            key: path("key"),
        }
    }

    fn security(&self, name: &str) -> Security {
        Security {
            tls: Some(Tls::load(&self.files(name, &BOTH)).unwrap()),
            token: None,
        }
    }
}

fn with_token(text: &str) -> Security {
    Security {
        tls: None,
        token: Some(Token::new(text).unwrap()),
    }
}

/// A port with a guard and the one route that clients look at first.
struct Served {
    address: SocketAddr,
    _stop: DropGuard,
}

fn serve(port: Port, security: &Security, about: About) -> Served {
    serve_on("127.0.0.1:0", port, security, about)
}

fn serve_on(listen: &str, port: Port, security: &Security, about: About) -> Served {
    let listener = TcpListener::bind(listen).unwrap();
    let address = listener.local_addr().unwrap();
    let about = SchedulerAbout {
        about,
        scheduler_id: "one".to_owned(),
    };
    let routes = Router::new()
        .route(ABOUT_PATH, get(move || async move { axum::Json(about) }))
        .layer(from_fn_with_state(Guard::new(port, security), Guard::check));
    let stop = CancellationToken::new();
    let door = security.door(port).unwrap();
    let served =
        gugus_http::serve_service(listener, door, routes, Duration::ZERO, |_| {}, stop.clone());
    tokio::spawn(served);
    Served {
        address,
        _stop: stop.drop_guard(),
    }
}

fn access(served: &Served, security: Security) -> Access {
    Access {
        url: ClusterUrl::new("127.0.0.1", served.address.port()),
        security,
    }
}

async fn refusal(served: &Served, security: Security) -> AccessError {
    match Cluster::connect(access(served, security)).await {
        Err(ClusterError::Access(error)) => error,
        Err(other) => panic!("refused otherwise: {other:?}"),
        Ok(_) => panic!("taken"),
    }
}

/// Registering an executor begins with Ballista's scheduler connecting to it, always without TLS. It asks nothing, so the
/// connection stands before anybody notices. Should that change, no executor with TLS could register any more.
#[tokio::test]
async fn ballistas_look_at_an_executors_port_passes_where_tls_is_spoken() {
    let served = serve(
        Port::Executor,
        &Authority::new().security("executor"),
        About::ours().clone(),
    );
    for _ in 0..20 {
        let looked = Endpoint::from_shared(format!("http://{}", served.address))
            .unwrap()
            .connect()
            .await;
        assert!(looked.is_ok(), "{looked:?}");
    }
}

#[tokio::test]
async fn certificates_of_one_authority_are_heard_and_others_are_told_why_not() {
    let authority = Authority::new();
    for port in [Port::Scheduler, Port::Executor] {
        let served = serve(port, &authority.security("server"), About::ours().clone());
        let ours = Cluster::connect(access(&served, authority.security("client"))).await;
        assert!(ours.is_ok(), "{ours:?}");

        let foreign = refusal(&served, Authority::new().security("foreign")).await;
        assert!(
            matches!(foreign, AccessError::Certificates { .. }),
            "{foreign:?}"
        );
        let plain = refusal(&served, Security::default()).await;
        assert!(matches!(plain, AccessError::Silent { .. }), "{plain:?}");
        assert!(plain.to_string().contains("--tls-ca"), "{plain}");
    }
}

/// One that believes the server and whom the server does not believe: TLS 1.3 tells it after its handshake.
#[tokio::test]
async fn a_server_says_that_it_does_not_believe_a_client() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let served = serve(
        Port::Scheduler,
        &authority.security("server"),
        About::ours().clone(),
    );
    let mut files = foreign.files("client", &BOTH);
    let both = |name: &str| std::fs::read_to_string(name).unwrap();
    let mixed = foreign.folder.path().join("both.pem");
    let pems =
        [&authority, &foreign].map(|a| both(a.folder.path().join("ca.pem").to_str().unwrap()));
    std::fs::write(&mixed, pems.concat()).unwrap();
    files.authority = mixed;
    let security = Security {
        tls: Some(Tls::load(&files).unwrap()),
        token: None,
    };
    let refused = refusal(&served, security).await;
    assert!(
        matches!(refused, AccessError::Certificates { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn ballistas_own_connections_are_made_ours() {
    let authority = Authority::new();
    let served = serve(
        Port::Executor,
        &authority.security("executor"),
        About::ours().clone(),
    );
    // What Ballista would dial.
    let given = || Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
    let ours = authority.security("scheduler").dial()(given()).unwrap();
    assert_eq!(ours.uri().scheme_str(), Some("https"));
    assert!(ours.connect().await.is_ok());
    let foreign = Authority::new().security("scheduler").dial()(given()).unwrap();
    assert!(foreign.connect().await.is_err());
    assert!(
        Security::default().dial()(given())
            .unwrap()
            .uri()
            .scheme_str()
            == Some("http")
    );
}

#[tokio::test]
async fn a_token_is_wanted_by_name() {
    let served = serve(Port::Scheduler, &with_token("right"), About::ours().clone());
    let taken = Cluster::connect(access(&served, with_token("right"))).await;
    assert!(taken.is_ok(), "{taken:?}");
    for wrong in [Security::default(), with_token("wrong")] {
        let refused = refusal(&served, wrong).await;
        assert!(matches!(refused, AccessError::Token { .. }), "{refused:?}");
        assert!(refused.to_string().contains("--token-file"), "{refused}");
    }
}

#[tokio::test]
async fn another_version_is_refused_by_a_text_that_names_both() {
    let theirs = About {
        gugus: "0.0.9".to_owned(),
        ..About::ours().clone()
    };
    let served = serve(Port::Scheduler, &Security::default(), theirs.clone());
    let refused = refusal(&served, Security::default()).await.to_string();
    for part in [theirs.to_string(), About::ours().to_string()] {
        assert!(refused.contains(&part), "{refused}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_at_the_start_and_names_it() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let good = authority.files("good", &BOTH);
    assert!(Tls::load(&good).is_ok());
    let wrong = |change: &dyn Fn(&mut TlsFiles)| {
        let mut files = good.clone();
        change(&mut files);
        Tls::load(&files).unwrap_err()
    };
    let nowhere = wrong(&|files| files.key = "/nowhere/key.pem".into());
    assert!(
        nowhere.to_string().contains("/nowhere/key.pem"),
        "{nowhere}"
    );
    let swapped = wrong(&|files| files.certificate = files.key.clone());
    assert!(
        matches!(&swapped, TlsError::Content { path, .. } if *path == good.key),
        "{swapped}"
    );
    let swapped = wrong(&|files| files.key = files.certificate.clone());
    assert!(
        matches!(
            swapped,
            TlsError::Content {
                wanted: "private key",
                ..
            }
        ),
        "{swapped}"
    );
    let other = authority.files("other", &BOTH);
    let mixed = wrong(&|files| files.key = other.key.clone());
    assert!(matches!(mixed, TlsError::Key { .. }), "{mixed}");
    let unsigned = wrong(&|files| files.authority = foreign.folder.path().join("ca.pem"));
    assert!(
        matches!(unsigned, TlsError::Certificate { .. }),
        "{unsigned}"
    );
    let server = authority.files("server", &BOTH[..1]);
    let half = Tls::load(&server).unwrap_err();
    let text = half.to_string();
    assert!(
        text.contains("both server and client use") && names(&text, &server.certificate),
        "{text}"
    );
}

fn names(text: &str, path: &Path) -> bool {
    text.contains(path.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_is_not_there_yet_is_waited_for() {
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = first.local_addr().unwrap();
    drop(first);
    let url = move || ClusterUrl::new("127.0.0.1", address.port());
    let pause = Duration::from_millis(5);

    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let waiting =
        tokio::spawn(async move { Cluster::connect_or_wait(url(), pause, &stopping).await });
    stop.cancel();
    assert!(waiting.await.unwrap().unwrap().is_none());

    let never = CancellationToken::new();
    let mut waiting = std::pin::pin!(Cluster::connect_or_wait(url(), pause, &never));
    let tries = tokio::time::timeout(20 * pause, &mut waiting).await;
    assert!(tries.is_err(), "nobody listens");
    let open = Security::default();
    let about = About::ours().clone();
    let _scheduler = serve_on(&address.to_string(), Port::Scheduler, &open, about);
    let connected = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(connected.unwrap().unwrap().is_some());

    // One that answers and refuses is not waited for.
    let refusing = serve(
        Port::Scheduler,
        &with_token("secret-secret-secret"),
        About::ours().clone(),
    );
    let refused = Cluster::connect_or_wait(access(&refusing, open), pause, &never).await;
    assert!(
        matches!(refused, Err(ClusterError::Access(_))),
        "{refused:?}"
    );
}

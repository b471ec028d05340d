//! Pages of other sites, and names that are not ours.

use gugus_http::Token;

use crate::guards::{POINT, guarded, models};
use crate::service::Service;

#[test]
fn pages_of_other_sites_may_send_nothing() {
    let folder = models();
    let service = guarded(folder.path(), |guards| {
        guards.origins = vec!["https://app.example".parse().unwrap()];
    });
    let own = format!("http://{}", service.address);
    let (own, app) = (own.as_str(), "https://app.example");
    let cross = ("sec-fetch-site", "cross-site");
    let requests = [
        ("/predict_cluster/", POINT),
        ("/v2/repository/models/location/unload", "{}"),
        ("/v2/repository/models/location/load", "{}"),
    ];
    for headers in [
        &[][..],
        &[("origin", own)],
        &[("origin", app), cross],
        &[("sec-fetch-site", "same-origin")],
        // A proxy shows the service under another name.
        &[
            ("origin", "https://public.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        for (path, body) in requests {
            let answer = service.ask("POST", path, headers, body);
            assert_eq!(answer.status, 200, "{path} {headers:?}");
        }
    }
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[cross],
        &[("origin", own), cross],
    ] {
        for (path, body) in requests {
            let answer = service.ask("POST", path, headers, body);
            answer.refused("403 foreign_page: --cors-origin");
        }
        // To look changes nothing, and the page cannot read the answer.
        assert_eq!(service.ask("GET", "/models", headers, "").status, 200);
    }
    let metrics = service.get("/metrics").text();
    let refused = "gugus_serve_refused_total{error=\"foreign_page\"} 12\n";
    assert!(metrics.contains(refused), "{metrics}");
}

#[test]
fn on_loopback_foreign_names_are_not_answered_to() {
    let folder = models();
    let status = |service: &Service, name: &str| {
        let answer = service.ask("GET", "/models", &[("host", name)], "");
        if answer.status != 200 {
            answer.refused("421 wrong_host: localhost, --external-host");
        }
        answer.status
    };
    let service = guarded(folder.path(), |guards| {
        guards.hosts = vec!["gugus.example".to_owned()];
    });
    for name in ["localhost:1", "127.0.0.1", "[::1]:8000", "gugus.example:80"] {
        assert_eq!(status(&service, name), 200, "{name}");
    }
    for name in [
        "evil.example",
        "localhost.evil.example",
        "www.gugus.example",
    ] {
        assert_eq!(status(&service, name), 421, "{name}");
    }
    // A page of a foreign name does not know the token.
    let service = guarded(folder.path(), |guards| {
        guards.token = Some(Token::new("right-token").unwrap());
    });
    let headers = [
        ("host", "gugus.internal"),
        ("authorization", "Bearer right-token"),
    ];
    assert_eq!(service.ask("GET", "/models", &headers, "").status, 200);
}

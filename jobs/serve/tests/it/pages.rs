//! The pages that a person reads. `cli/tests/it/browser` shows them to a real browser.

use std::io::{Read, Write};
use std::net::TcpStream;

use gugus_files::Store;
use gugus_serve::Config;

use crate::folders::{
    CENTERS, batch, by_sql, location, mixture, month, spots, write, write_as_spark,
};
use crate::guards::{guarded, models};
use crate::service::{Answer, DEADLINE, Service};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PATH: &str = "/pages/location/batches/1";

/// The text of a page, which loads nothing from elsewhere and runs no script of its own text.
#[track_caller]
fn page(answer: &Answer) -> String {
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(answer.body.len() < 200_000, "{}", answer.body.len());
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let foreign = text.split(['"', ' ']).find(|part| part.starts_with("//"));
    assert_eq!(foreign, None);
    text
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

/// What links, images and forms of a page lead to, as a browser resolves it.
fn links(at: &str, text: &str) -> Vec<String> {
    let base = url::Url::parse(&format!("http://host{at}")).unwrap();
    ["href=\"", "src=\"", "action=\""]
        .iter()
        .flat_map(|name| text.split(name).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| !link.starts_with('#'))
        .map(|link| {
            let link = base.join(&link.replace("&amp;", "&")).unwrap();
            link[url::Position::BeforePath..].to_owned()
        })
        .collect()
}

#[test]
fn an_empty_folder_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::of_folder(folder.path());
    let home = page(&service.get("/"));
    says(
        &home,
        &["There are no models yet", "gugus train --job", "/models"],
    );
    let missing = service.get("/pages/none");
    assert_eq!(missing.status, 404);
    says(&page(&missing), &["there is no model &quot;none&quot;"]);
}

#[test]
fn every_link_leads_somewhere_with_and_without_a_slash() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    write(dir.path(), &location("location", batch(2), &CENTERS));
    write(dir.path(), &location("location", None, &CENTERS));
    write(dir.path(), &month("monthly", "2024-05", &CENTERS));
    write(dir.path(), &month("monthly", "a,b", &CENTERS));
    write_as_spark(dir.path(), "crime_k5", &CENTERS);
    let service = Service::of_folder(dir.path());
    let mut seen = std::collections::BTreeSet::new();
    let mut next = vec![
        "/".to_owned(),
        format!("{PATH}/"),
        "/pages/monthly".to_owned(),
    ];
    while let Some(path) = next.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = service.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        if path.starts_with("/pages/") && !path.ends_with(".svg") || path == "/" {
            next.extend(links(&path, &page(&answer)));
        }
    }
    for path in [
        "/models",
        "/docs",
        "/models/location/batches/2",
        "/pages/location/batches/1",
        "/pages/location",
        "/pages/location/map.svg",
        "/pages/monthly/windows/2024-05",
        "/pages/monthly/windows/2024-05/map.svg",
        "/pages/monthly/windows/a%2Cb/map.svg",
        "/pages/crime_k5",
    ] {
        assert!(seen.contains(path), "{path} of {seen:?}");
    }
    assert!(
        seen.iter().any(|path| path.starts_with("/assets/style-")),
        "{seen:?}"
    );
    service.get("/assets/none.css").refused("404 unknown_path");
}

#[test]
fn a_form_predicts() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("location", batch(1), &CENTERS));
    write(dir.path(), &by_sql("kind", batch(1)));
    write(dir.path(), &spots("spots", batch(1)));
    write(dir.path(), &mixture("mixed", batch(1)));
    write_as_spark(dir.path(), "crime_k5", &CENTERS);
    let service = Service::of_folder(dir.path());
    // An example is filled in, and the command for a program says the same.
    let empty = page(&service.get(PATH));
    says(
        &empty,
        &[
            "name=\"LAT\" value=\"34\" required",
            "float64",
            "/models/location/batches/1/predict?explain=true",
            "{&quot;LAT&quot;:34,&quot;LON&quot;:-118.5}",
        ],
    );
    assert!(!empty.contains("at a distance"));

    let answer = service.send(PATH, &[FORM], "LAT=33.7&LON=-118.3");
    assert_eq!(answer.status, 200);
    says(
        &page(&answer),
        &[
            "Cluster 2",
            "at a distance of 0.",
            "Next comes cluster",
            "value=\"33.7\"",
        ],
    );
    // What was typed stays, and the problem is told.
    let wrong = service.send(PATH, &[FORM], "LAT=north%20%3Cb%3E&LON=-118.3");
    assert_eq!(wrong.status, 422);
    says(
        &page(&wrong),
        &[
            "role=\"alert\"",
            "is not of type float64",
            "value=\"north &lt;b&gt;\"",
        ],
    );
    let none = service.send(PATH, &[FORM], "LAT=&LON=1");
    assert_eq!(none.status, 422);
    // Text, an empty cell, and a blank in a name.
    let kind = service.send("/pages/kind/batches/1", &[FORM], "TIME+OCC=0330&PART=1.50");
    says(
        &page(&kind),
        &[
            "Cluster 2",
            "{&quot;TIME OCC&quot;:&quot;0330&quot;,&quot;PART&quot;:&quot;1.50&quot;}",
        ],
    );
    let noise = service.send("/pages/spots/batches/1", &[FORM], "LAT=35.25&LON=-118");
    says(
        &page(&noise),
        &[
            "No cluster",
            "at a distance of 0.75",
            "Next comes cluster 1",
        ],
    );
    let mixed = service.send("/pages/mixed/batches/1", &[FORM], "LAT=34&LON=-118");
    says(&page(&mixed), &["Cluster 0", "probability is 0.88"]);
    let numbers = service.send(
        "/pages/crime_k5",
        &[FORM],
        "feature+0=33.7&feature+1=-118.3",
    );
    says(
        &page(&numbers),
        &["Cluster 2", "{&quot;features&quot;:[33.7,-118.3]}"],
    );
    let answer = service.method("DELETE", PATH);
    answer.refused("405 method_not_allowed");
    assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
}

#[test]
fn the_command_of_a_page_names_the_host_that_was_asked() {
    let folder = models();
    let service = guarded(folder.path(), |guards| {
        guards.hosts = vec!["gugus.example".to_owned()];
    });
    let own = page(&service.get(PATH));
    says(&own, &[&service.url("/models/location/batches/1/predict")]);
    // As over HTTP/2, only the address names the host.
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!("GET http://gugus.example:81{PATH} HTTP/1.1\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let named = "http://gugus.example:81/models/location/batches/1/predict";
    says(&answer, &[named]);
}

#[test]
fn a_map_is_a_picture_that_loads_nothing() {
    let service = Service::of([location("location", batch(1), &CENTERS)]);
    let map = service.get(&format!("{PATH}/map.svg"));
    assert_eq!(
        (map.status, map.header("content-type")),
        (200, Some("image/svg+xml"))
    );
    assert!(
        map.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    says(
        std::str::from_utf8(&map.body).unwrap(),
        &["location, batch 1", "3 clusters, their centers alone"],
    );
    service
        .get("/pages/location/batches/2/map.svg")
        .refused("404 unknown_batch");
}

#[test]
fn many_models_make_many_pages_and_none_is_long() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &location("m", batch(1), &CENTERS));
    let (from, files) = (
        dir.path().join("m/batch_00000001"),
        ["model.json", "_SUCCESS"],
    );
    for number in 0..2500 {
        // Names as long as they may be. Nothing of a model is read for the list, so its files need not be there.
        let folder = dir
            .path()
            .join(format!("{number:04}{}", "x".repeat(60)))
            .join("batch_00000001");
        std::fs::create_dir_all(folder.join("metadata")).unwrap();
        std::fs::create_dir_all(folder.join("data")).unwrap();
        for file in files {
            std::fs::copy(from.join(file), folder.join(file)).unwrap();
        }
    }
    let service = Service::start(Config::new(
        Store::open(dir.path().to_str().unwrap()).unwrap(),
    ));
    let home = page(&service.get("/"));
    says(&home, &["2,501 models", "1 to 100 of 2,501", "?from=100"]);
    says(
        &page(&service.get("/?from=2500")),
        &["2,501 to 2,501 of 2,501"],
    );
    says(
        &page(&service.get("/?name=0007x")),
        &["1 model of 2,501", "value=\"0007x\""],
    );
    says(
        &page(&service.get("/?name=%3Cnone%3E")),
        &["No model has such a name", "value=\"&lt;none&gt;\""],
    );
    says(&page(&service.get("/?from=9999999")), &["2,501 models"]);
    let large: Vec<[f64; 2]> = (0..5000).map(|n| [f64::from(n), 1.0]).collect();
    write(dir.path(), &location("large", batch(1), &large));
    service.wait_for("the new model", |service| {
        service.get("/pages/large").status == 200
    });
    says(
        &page(&service.get("/pages/large")),
        &["The first 100 of 5,000 clusters"],
    );
}

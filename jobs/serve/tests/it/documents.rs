//! The OpenAPI document and the page that shows it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::folders::{CENTERS, batch, location, month};
use crate::service::Service;

#[test]
fn every_path_of_the_document_is_served_by_its_methods() {
    let service = Service::of([
        location("location", batch(1), &CENTERS),
        location("location", None, &CENTERS),
        month("location", "2024-05", &CENTERS),
    ]);
    let answer = service.get("/openapi.json");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/predict_cluster/"));
    for (path, methods) in paths {
        let url = path
            .replace("{model}", "location")
            .replace("{batch}", "latest")
            .replace("{version}", "latest")
            .replace("{window}", "2024-05");
        for (method, operation) in methods.as_object().unwrap() {
            let answer = match method.as_str() {
                "get" => service.get(&url),
                "post" if path == "/predict_cluster/" => {
                    service.post_json(&url, &json!({"lat": 1, "lon": 2, "model": 1}))
                }
                "post" if path.starts_with("/v2/") => {
                    let tensor = |name: &str| json!({"name": name, "shape": [1], "datatype": "FP64", "data": [1]});
                    let inputs = [tensor("LAT"), tensor("LON")];
                    service.post_json(&url, &json!({"inputs": inputs}))
                }
                "post" => service.post_json(&url, &json!({"LAT": 1, "LON": 2})),
                other => panic!("{other} {path}"),
            };
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.json());
            let body = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            if !body.is_null() {
                fits(&document, body, &answer.json());
            }
        }
        service
            .method("DELETE", &url)
            .refused("405 method_not_allowed");
    }
    let error = service.get("/models/nope").json();
    fits(
        &document,
        &json!({"$ref": "#/components/schemas/Error"}),
        &error,
    );
    let codes = &document["components"]["schemas"]["Code"]["enum"];
    assert!(
        codes.as_array().unwrap().contains(&error["error"]),
        "{codes}"
    );
}

/// A value has the keys that its schema names, and no others.
fn fits(document: &Value, schema: &Value, value: &Value) {
    let mut properties = Map::new();
    let mut required = Vec::new();
    collect_keys(document, schema, &mut properties, &mut required);
    if properties.is_empty() {
        return;
    }
    let keys: BTreeSet<&String> = value.as_object().unwrap().keys().collect();
    let known: BTreeSet<&String> = properties.keys().collect();
    assert!(keys.is_subset(&known), "{keys:?} {known:?}");
    for key in required {
        assert!(value.get(&key).is_some(), "{key} is missing in {value}");
    }
    for (key, inner) in &properties {
        match &value[key] {
            Value::Array(items) => items
                .iter()
                .for_each(|item| fits(document, &inner["items"], item)),
            object @ Value::Object(_) => {
                let inner = inner["oneOf"]
                    .as_array()
                    .and_then(|of| of.iter().find(|s| s.get("$ref").is_some()))
                    .unwrap_or(inner);
                fits(document, inner, object);
            }
            _ => {}
        }
    }
}

/// The keys of a schema, of those that it refers to, and of those that it joins.
fn collect_keys(
    document: &Value,
    schema: &Value,
    properties: &mut Map<String, Value>,
    required: &mut Vec<String>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        collect_keys(
            document,
            &document["components"]["schemas"][name],
            properties,
            required,
        );
    }
    for joined in schema["allOf"].as_array().into_iter().flatten() {
        collect_keys(document, joined, properties, required);
    }
    properties.extend(
        schema["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default(),
    );
    let keys = schema["required"].as_array().into_iter().flatten();
    required.extend(keys.map(|key| key.as_str().unwrap().to_owned()));
}

#[test]
fn the_page_works_with_what_the_binary_holds() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::of_folder(dir.path());
    for path in ["/docs", "/docs/"] {
        let answer = service.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        assert!(
            answer
                .header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'self'")
        );
        let page = String::from_utf8(answer.body).unwrap();
        let files: Vec<&str> = ["src=\"", "href=\""]
            .into_iter()
            .flat_map(|attribute| page.split(attribute).skip(1))
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(files.len(), 5, "{page}");
        for file in files {
            // Relative to the page, so that a proxy may show the service below another path.
            assert!(file.starts_with("docs/") && !file.contains("//"), "{file}");
            let answer = service.get(&format!("/{file}"));
            assert_eq!(answer.status, 200, "{file}");
            assert!(answer.body.len() > 100, "{file}");
            let kind = match file.rsplit('.').next().unwrap() {
                "js" => "text/javascript; charset=utf-8",
                "css" => "text/css; charset=utf-8",
                _ => "image/png",
            };
            assert_eq!(answer.header("content-type"), Some(kind), "{file}");
        }
    }
    let start = String::from_utf8(service.get("/docs/start.js").body).unwrap();
    assert!(
        start.contains("\"openapi.json\"") && start.contains("validatorUrl: null"),
        "{start}"
    );
}

//! The pages that a person reads, and the files that they load.

use std::sync::Arc;

use gugus_clusters::Explain;
use gugus_look::{Assets, POLICY, path_part};
use gugus_models::{Aliases, Extent, ListedModel};
use gugus_records::{Columns, Header};
use gugus_spec::{ColumnType, Nullability};
use serde_json::{Map, Value};
use url::form_urlencoded;
use warp::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST};
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::reply::Response;

use crate::asked::{self, Asked, Wanted};
use crate::input::Kind;
use crate::listing::StoreState;
use crate::loaded::Loaded;
use crate::options::Strictness;
use crate::pages::{self, Field, Found, Home, ModelPage, PER_PAGE, Root, Row, Target};
use crate::problem::{Code, Problem, Told, cut};
use crate::reply;
use crate::request::Sent;
use crate::route::{Answer, Captures, Route};
use crate::rows::{Rows, Shape};
use crate::state::State;

static HOME: Route = Route::get("/");
static MODEL: Route = Route::form("/pages/{model}");
static BATCH: Route = Route::form("/pages/{model}/batches/{batch}");
static WINDOW: Route = Route::form("/pages/{model}/windows/{window}");
static MODEL_MAP: Route = Route::get("/pages/{model}/map.svg");
static BATCH_MAP: Route = Route::get("/pages/{model}/batches/{batch}/map.svg");
static WINDOW_MAP: Route = Route::get("/pages/{model}/windows/{window}/map.svg");
static ASSET: Route = Route::get("/assets/{file}");

pub(crate) fn answers(state: &Arc<State>) -> Vec<Answer> {
    vec![
        HOME.respond(state, asked::nothing, home),
        MODEL.respond(state, asked::model, model),
        BATCH.respond(state, asked::batch, model),
        WINDOW.respond(state, asked::window, model),
        MODEL_MAP.respond(state, asked::model, map),
        BATCH_MAP.respond(state, asked::batch, map),
        WINDOW_MAP.respond(state, asked::window, map),
        ASSET.page(state, |path, _| asset(&path)),
    ]
}

/// The fields of a form that a page has at most. A model of more features is asked by a program.
const FIELDS: usize = 200;

/// The policy of a map, which styles itself and loads nothing.
const MAP_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

async fn home((): (), state: Arc<State>, sent: Sent) -> Result<Response, Problem> {
    let query = |name: &str| value(sent.query.as_bytes(), name);
    let name = query("name").unwrap_or_default();
    let from = query("from")
        .and_then(|from| from.parse().ok())
        .unwrap_or(0);
    let listing = state.catalogue.listing().await;
    let all = listing.models.len();
    let mut found = 0;
    let mut rows = Vec::new();
    for listed in listing
        .models
        .values()
        .filter(|listed| listed.model.contains(&name))
    {
        if found >= from && rows.len() < PER_PAGE {
            rows.push(row(listed, listing.aliases(&listed.model)));
        }
        found += 1;
    }
    let home = Home {
        name,
        from,
        found,
        all,
        rows,
        trouble: (listing.store == StoreState::Failing).then_some(
            "The folder of models cannot be listed now. This is what it held the last time.",
        ),
    };
    let page = home.render(
        &Root::of(sent.path.as_str()),
        &address(&state, &sent.headers),
    );
    Ok(html(StatusCode::OK, page))
}

fn row(listed: &ListedModel, aliases: Option<&Aliases>) -> Row {
    Row {
        model: listed.model.clone(),
        newest: listed.batches.last().map(|batch| batch.get()),
        batches: listed.batches.len(),
        windows: listed.windows.len(),
        all: listed.all,
        aliases: aliases
            .iter()
            .flat_map(|aliases| aliases.aliases.keys().map(ToString::to_string))
            .collect(),
    }
}

/// The page of a model; after a form was sent, with what it found.
async fn model(asked: Asked, state: Arc<State>, sent: Sent) -> Result<Response, Problem> {
    let root = Root::of(sent.path.as_str());
    let address = address(&state, &sent.headers);
    let shown = match sent.method {
        Method::POST => predicted(asked, &state, &sent).await,
        _ => shown(asked, &state, &sent, None).await,
    };
    Ok(match shown {
        Ok((page, told)) => {
            let status = told.as_ref().map_or(StatusCode::OK, Problem::status);
            telling(html(status, page.render(&root, &address)), told)
        }
        Err(problem) => {
            let page = pages::refused(&root, problem.detail());
            telling(html(problem.status(), page), Some(problem))
        }
    })
}

async fn predicted(
    asked: Asked,
    state: &State,
    sent: &Sent,
) -> Result<(ModelPage, Option<Problem>), Problem> {
    let body = sent.body.clone()?;
    let values = form_urlencoded::parse(&body).into_owned().collect();
    shown(asked, state, sent, Some(values)).await
}

type Values = Vec<(String, String)>;

async fn shown(
    asked: Asked,
    state: &State,
    sent: &Sent,
    values: Option<Values>,
) -> Result<(ModelPage, Option<Problem>), Problem> {
    let listing = state.catalogue.listing().await;
    let listed = listing.model(&asked.model)?.1;
    let wanted = match asked.wanted {
        Wanted::All if !listed.all => match listed.windows.last() {
            Some(window) if listed.batches.is_empty() => Wanted::Window(window.clone()),
            _ => Wanted::Latest,
        },
        wanted => wanted,
    };
    let loaded = state.catalogue.model(&asked.model, &wanted).await?;
    let from = value(sent.query.as_bytes(), "from");
    let from = from.and_then(|from| from.parse().ok()).unwrap_or(0);
    let mut page = about(&loaded, listed, from);
    let mut told = None;
    if let Some(values) = values {
        for field in &mut page.fields {
            let sent = values.iter().find(|(name, _)| *name == field.name);
            field.value = sent.map(|(_, value)| value.clone()).unwrap_or_default();
        }
        page.record = record(&loaded, &page.fields);
        page.found = match predict(&loaded, &page.fields) {
            Ok(found) => found,
            Err(problem) => {
                let detail = problem.detail().to_owned();
                told = Some(problem);
                Found::Refused(detail)
            }
        };
    }
    Ok((page, told))
}

/// A model as its page shows it, before anything was asked.
fn about(loaded: &Loaded, listed: &ListedModel, from: usize) -> ModelPage {
    let about = loaded.saved.about.as_ref();
    let parts = parts(listed);
    let fields = fields(loaded);
    ModelPage {
        target: target(loaded),
        record: record(loaded, &fields),
        fields,
        found: Found::Nothing,
        algorithm: about.map_or("kmeans", |about| about.algorithm.name()),
        rows: about.map(|about| about.summary.rows),
        trained_at: about.map(|about| about.trained_at.clone()),
        uid: loaded.saved.uid.clone(),
        features: about
            .iter()
            .flat_map(|about| &about.features)
            .map(|feature| (feature.name.clone(), feature.sql.clone()))
            .collect(),
        middles: loaded.saved.fitted.middles(),
        sizes: about
            .map(|about| about.summary.sizes.clone())
            .unwrap_or_default(),
        has_map: pages::has_map(loaded),
        from,
        parts: parts.len(),
        others: parts
            .into_iter()
            .skip(from)
            .take(ModelPage::OTHERS)
            .collect(),
    }
}

/// The parts of a model with their names, the newest first.
fn parts(listed: &ListedModel) -> Vec<(String, String)> {
    let all = listed.all.then(|| part(&Extent::All));
    let batches = listed
        .batches
        .iter()
        .rev()
        .map(|batch| part(&Extent::Batch(*batch)));
    let windows = listed
        .windows
        .iter()
        .rev()
        .map(|key| part(&Extent::Window(key.clone())));
    all.into_iter().chain(batches).chain(windows).collect()
}

/// A part of a model: its name, and its part of a path.
fn part(extent: &Extent) -> (String, String) {
    match extent {
        Extent::All => ("all batches".to_owned(), String::new()),
        Extent::Batch(batch) => (format!("batch {batch}"), format!("batches/{batch}")),
        Extent::Window(key) => (
            format!("window {}", key.as_str()),
            format!("windows/{}", path_part(key.as_str())),
        ),
    }
}

fn target(loaded: &Loaded) -> Target {
    let (data, part) = part(&loaded.extent);
    Target {
        model: loaded.model.to_string(),
        part,
        data,
    }
}

/// The fields of the form, each with an example where one is known.
fn fields(loaded: &Loaded) -> Vec<Field> {
    let middles = loaded.saved.fitted.middles();
    let middle = middles.first();
    match &loaded.input.kind {
        Kind::Numbers => (0..loaded.predictor.dimensions())
            .take(FIELDS)
            .map(|d| Field {
                name: format!("feature {d}"),
                kind: "number",
                required: true,
                value: middle.map(|middle| example(middle[d])).unwrap_or_default(),
            })
            .collect(),
        Kind::Columns { .. } => {
            let features = loaded.saved.about.iter().flat_map(|about| &about.features);
            let columns = loaded.columns().iter().take(FIELDS);
            columns
                .map(|column| {
                    let is_column = |sql: &str| sql.trim_matches('"') == column.name;
                    let dimension = features.clone().position(|feature| is_column(&feature.sql));
                    let number = dimension.and_then(|d| middle?.get(d).copied());
                    Field {
                        name: column.name.clone(),
                        kind: column.data_type.name(),
                        required: column.nullability == Nullability::Required,
                        value: match (&column.data_type, number) {
                            (ColumnType::Int32 | ColumnType::Int64, Some(number)) => {
                                number.round().to_string()
                            }
                            (ColumnType::Float32 | ColumnType::Float64, Some(number)) => {
                                example(number)
                            }
                            _ => String::new(),
                        },
                    }
                })
                .collect()
        }
    }
}

/// A number near this one that is short enough to be typed.
fn example(number: f64) -> String {
    let rounded = (number * 1e4).round() / 1e4;
    let short = if rounded == 0.0 { number } else { rounded };
    short.to_string()
}

/// The record of a form, as JSON.
fn record(loaded: &Loaded, fields: &[Field]) -> String {
    let parsed = |text: &str| serde_json::from_str(text).ok().filter(Value::is_number);
    let number =
        |field: &Field| parsed(field.value.trim()).unwrap_or_else(|| field.value.clone().into());
    let record: Value = match &loaded.input.kind {
        Kind::Numbers => {
            serde_json::json!({"features": fields.iter().map(number).collect::<Vec<_>>()})
        }
        Kind::Columns { .. } => {
            let value = |field: &Field| match field.kind {
                _ if field.value.is_empty() => Value::Null,
                "utf8" | "timestamp" => field.value.clone().into(),
                _ => number(field),
            };
            let pairs = fields
                .iter()
                .map(|field| (field.name.clone(), value(field)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
    };
    record.to_string()
}

/// Predicts what a form holds. Its texts are read as cells of CSV are.
fn predict(loaded: &Loaded, fields: &[Field]) -> Result<Found, Problem> {
    let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let dimensions = loaded.predictor.dimensions();
    let layout = loaded
        .input
        .layout_of(&names, dimensions, Strictness::Lenient)?;
    let wrong = |error: String| Problem::new(Code::WrongValue, error);
    let header = Header::new(&names, &layout).map_err(|error| wrong(error.to_string()))?;
    let mut columns = Columns::new(layout);
    columns.push_cells(&header, fields.iter().map(|field| field.value.as_bytes()))?;
    let rows = Rows {
        batch: columns.finish().map_err(|error| wrong(error.to_string()))?,
        texts: Vec::new(),
        shape: Shape::One,
        wrong: None,
    };
    let predictions = loaded.predict(rows, Explain::Yes)?;
    let cluster = predictions.labels.first().copied();
    let explained = predictions.explained.first();
    cluster
        .zip(explained)
        .map(|(cluster, explained)| Found::Cluster {
            cluster,
            distance: explained.distance,
            second: explained.second,
            probabilities: predictions.probabilities.clone(),
        })
        .ok_or_else(|| wrong("there is no record".to_owned()))
}

async fn map(asked: Asked, state: Arc<State>, _: Sent) -> Result<Response, Problem> {
    let loaded = state.catalogue.model(&asked.model, &asked.wanted).await?;
    let map = pages::map(&loaded).ok_or_else(|| {
        let model = cut(&asked.model);
        Problem::new(
            Code::UnknownPath,
            format!("model {model:?} has no map; a map takes two features and at most a thousand clusters"),
        )
    })?;
    let mut response = reply::bytes(StatusCode::OK, "image/svg+xml", map.into());
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(MAP_POLICY),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn asset(path: &Captures) -> Result<Response, Problem> {
    let wanted = path.first().map_or("", String::as_str);
    let found = Assets::ours()
        .all()
        .find(|asset| asset.path.strip_prefix("/assets/") == Some(wanted));
    let found = found
        .ok_or_else(|| Problem::new(Code::UnknownPath, "there is no such file; / is the page"))?;
    let mut response = reply::bytes(StatusCode::OK, found.kind, found.content.into());
    // The path of a file changes with its content.
    let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(CACHE_CONTROL, keep);
    Ok(response)
}

/// The value of a query or form.
fn value(pairs: &[u8], name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(pairs);
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The address of the service, as the viewer's browser knows it.
fn address(state: &State, headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    // It stands in a command that people copy into a shell.
    let is_plain = |host: &&str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    };
    let host = host.filter(is_plain).unwrap_or("127.0.0.1:8000");
    state.guards.address(host)
}

/// The guard counts the problem that a page tells.
fn telling(mut response: Response, told: Option<Problem>) -> Response {
    if let Some(problem) = told {
        response.extensions_mut().insert(Told(problem));
    }
    response
}

fn html(status: StatusCode, page: String) -> Response {
    let mut response = reply::bytes(status, "text/html; charset=utf-8", page.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

//! Work on a model that a viewer asks for, and the picture of its map.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gugus_look::query_value;
use gugus_pages::href;
use gugus_plot::Axes;
use http::{HeaderValue, StatusCode, header};

use super::model::{Found, impossible};
use super::models::of;
use super::served::Asked;
use super::shown::Shown;
use crate::blocking::blocking;
use crate::problem::Problem;
use crate::stores::{Asked as Work, WorkState};

/// Permits the style within the picture and nothing else, also when somebody opens the picture alone.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

/// Computes the silhouette, and shows the model meanwhile.
pub(super) async fn silhouette(
    State(shown): State<Shown>,
    asked: Asked,
) -> Result<Response, Problem> {
    let (found, work, _) = prepared(&shown, &asked).await?;
    found.shelf.compute_silhouette(work);
    Ok(back(&found, "silhouette", &asked))
}

/// Draws a sample for the map, and shows the model meanwhile.
pub(super) async fn map(State(shown): State<Shown>, asked: Asked) -> Result<Response, Problem> {
    let (found, work, [rows, features]) = prepared(&shown, &asked).await?;
    let features = usize::try_from(features).unwrap_or(usize::MAX);
    found.shelf.draw_sample(work, rows, features);
    Ok(back(&found, "map", &asked))
}

/// The model, what work on it needs, and how many rows and features it has.
async fn prepared(shown: &Shown, asked: &Asked) -> Result<(Found, Work, [u64; 2]), Problem> {
    let found = Found::of(shown, asked).await?;
    let saved = found.saved().await?;
    let batches = found.batches(saved.about.as_ref());
    if let Some(why) = impossible(&saved, batches.as_deref()) {
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    let work = found
        .shelf
        .asked(found.key(&saved), &batches.unwrap_or_default())
        .await?;
    let size = saved.about.as_ref().map_or([0, 0], |about| {
        [about.summary.rows, about.features.len() as u64]
    });
    Ok((found, work, size))
}

fn back(found: &Found, section: &str, asked: &Asked) -> Response {
    let mut to = href::model(&found.store, &found.model, &of(&found.extent));
    for axis in ["x", "y"] {
        if !asked.choice(axis).is_empty() {
            to.push_str(&format!("&{axis}={}", query_value(asked.choice(axis))));
        }
    }
    to.push_str(&format!("#{section}"));
    Redirect::to(&to).into_response()
}

/// The map as a picture of its own: with thousands of rows it is larger than a page.
pub(super) async fn picture(State(shown): State<Shown>, asked: Asked) -> Result<Response, Problem> {
    let found = Found::of(&shown, &asked).await?;
    let saved = found.saved().await?;
    let Some(WorkState::Done(sample)) = found.shelf.sample(&found.key(&saved)) else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "the map is not drawn yet; open the model's page to draw it",
        ));
    };
    let name = |axis: &str| Some(asked.choice(axis).to_owned()).filter(|name| !name.is_empty());
    let axes = Axes::find(
        &found.model,
        &sample.features,
        name("x").as_deref(),
        name("y").as_deref(),
    );
    let axes =
        axes.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    let drawn = blocking(move || Ok::<_, Problem>(sample.draw(axes))).await?;
    let mut response = drawn.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("image/svg+xml"),
    );
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=60"),
    );
    Ok(response)
}

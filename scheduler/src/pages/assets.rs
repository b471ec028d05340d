//! Style, script and icon of the pages.

use axum::Router;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use gugus_look::Assets;
use http::header;

/// A year: the path of an asset changes with its content.
const KEEP: &str = "public, max-age=31536000, immutable";

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let icon = &Assets::ours().icon.path;
    // Browsers ask for this path where a text that is no page is shown.
    let favicon = Router::new().route(
        "/favicon.ico",
        get(move || async move { Redirect::permanent(icon) }),
    );
    Assets::ours().all().fold(favicon, |router, asset| {
        let headers = [
            (header::CONTENT_TYPE, asset.kind),
            (header::CACHE_CONTROL, KEEP),
        ];
        let answer = move || async move { (headers, asset.content).into_response() };
        router.route(&asset.path, get(answer))
    })
}

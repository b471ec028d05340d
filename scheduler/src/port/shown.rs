//! What a command that shows its pages without a token keeps to itself.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_engine::Port;
use http::{Method, StatusCode};

use crate::problem::Problem;
use crate::runs::RUNS_PATH;

/// The paths that take new runs.
const SUBMITTING: [&str; 2] = [RUNS_PATH, "/submit"];

/// Refuses new runs on a port whose pages everybody on the machine sees. A run reads and writes files with the rights of
/// the user who started the command, and somebody else may be asking.
pub(crate) async fn check(State(port): State<Port>, request: Request, next: Next) -> Response {
    let submits = request.method() == Method::POST && SUBMITTING.contains(&request.uri().path());
    if port == Port::Shown && submits {
        let why = "this command shows its pages to everybody on this machine, so it takes no jobs: give the command a token with --token-file, or submit to a `gugus scheduler`";
        return Problem::new(StatusCode::FORBIDDEN, why).into_response();
    }
    next.run(request).await
}

//! One prediction over HTTP, as a user would ask for it.

use crate::error::Error;

/// A request in the words of the command line, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// A line that a shell runs.
    pub curl: String,
    /// The body of the answer.
    pub answer: String,
}

/// Asks `model` for the cluster of `record`, which holds a CSV record's cells by column.
pub(crate) async fn predict(
    rest: &str,
    model: &str,
    record: &[(String, String)],
) -> Result<Prediction, Error> {
    let url = format!("{rest}/models/{model}/batches/latest/predict");
    let cells = record
        .iter()
        .map(|(column, cell)| (column.clone(), serde_json::Value::from(cell.as_str())));
    let body = serde_json::Value::Object(cells.collect()).to_string();
    // A shell ends a single-quoted text at a single quote.
    let quoted = body.replace('\'', "'\\''");
    let curl = format!("curl -s {url} -H 'content-type: application/json' -d '{quoted}'");
    let answer = tokio::task::spawn_blocking(move || {
        let request = ureq::post(&url).content_type("application/json");
        let mut response = request
            .send(&body)
            .map_err(|error| Error::Prediction(error.to_string()))?;
        response
            .body_mut()
            .read_to_string()
            .map_err(|error| Error::Prediction(error.to_string()))
    })
    .await??;
    Ok(Prediction { curl, answer })
}

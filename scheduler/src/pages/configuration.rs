//! `/configuration`: what the scheduler runs with.

use gugus_pages::configuration::Configuration;

use super::served::Asked;
use super::shown::Shown;
use crate::problem::Problem;

#[allow(clippy::unused_async, reason = "every page is gathered by a future")]
pub(super) async fn gather(shown: Shown, _: Asked) -> Result<Configuration, Problem> {
    Ok(shown.configuration)
}

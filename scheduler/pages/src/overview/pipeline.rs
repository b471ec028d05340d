//! The pipeline as a picture: topic, batches, models and predictions of one pair of stores.

use gugus_look::{Tone, badge, command, count, instant, quantity, shortened};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::command::shell_word;
use crate::href;

/// The most characters of a trouble; the page of the store has all of them.
const TROUBLE_SHOWN: usize = 300;

/// From a topic to predictions, for one pair of stores.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pipeline {
    /// The job of the newest run.
    pub job: String,
    /// Where the batches are.
    pub batches: String,
    /// Where the models are.
    pub models: String,
    /// The topic, or imported files.
    pub source: PipelineStep,
    /// Its name.
    pub topic: String,
    /// Whether the records come from imported files.
    pub imports: bool,
    /// The batches.
    pub batch: PipelineStep,
    /// The models.
    pub model: PipelineStep,
}

/// One step of a pipeline.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct PipelineStep {
    /// How many there are; null while that is being found out.
    pub count: Option<u64>,
    /// How many come in an hour, where some came lately.
    pub per_hour: Option<f64>,
    /// The newest one, in words.
    pub newest: Option<String>,
    /// When the newest one came.
    pub at: Option<String>,
    /// What is wrong, in words.
    pub trouble: Option<String>,
}

impl Pipeline {
    pub(super) fn html(&self) -> Markup {
        let (batches, models) = (href::batches(&self.batches), href::models(&self.models));
        html! {
            h3 { "Job " (self.job) }
            ol.pipeline {
                li {
                    h3 { @if self.imports { "Imported files" } @else { "Topic" } }
                    (self.source.html("record", "records", None))
                    p { (self.topic) }
                }
                li {
                    h3 { "Batches" }
                    (self.batch.html("batch", "batches", Some(&batches)))
                    p.quiet { (self.batches) }
                }
                li {
                    h3 { "Models" }
                    (self.model.html("model", "models", Some(&models)))
                    p.quiet { (self.models) }
                }
                li {
                    h3 { "Predictions" }
                    p { "The scheduler does not see predictions: " code { "serve" } " answers them." }
                    p { (command(&format!("gugus serve --models {}", shell_word(&self.models)))) }
                }
            }
        }
    }
}

impl PipelineStep {
    fn html(&self, one: &str, many: &str, href: Option<&str>) -> Markup {
        let words = self.count.map(|number| quantity(number, one, many));
        html! {
            p.big { @match (&words, href) {
                (Some(words), Some(href)) => { a href=(href) { (words) } }
                (Some(words), None) => { (words) }
                (None, Some(href)) => { a href=(href) { "unknown" } }
                (None, None) => { "unknown" }
            } }
            @if let Some(trouble) = &self.trouble { p { (badge(Tone::Bad, "cannot be read")) " " (shortened(trouble, TROUBLE_SHOWN)) } }
            @if let Some(rate) = self.per_hour { p { (rate_of(rate)) " lately" } }
            @if let Some(newest) = &self.newest { p { "newest: " (newest) @if let Some(at) = &self.at { ", " (instant(at)) } } }
        }
    }
}

/// How many come in a time that people think in.
fn rate_of(per_hour: f64) -> String {
    let (number, unit) = if per_hour >= 3600.0 {
        (per_hour / 3600.0, "second")
    } else if per_hour >= 60.0 {
        (per_hour / 60.0, "minute")
    } else {
        (per_hour, "hour")
    };
    if number < 10.0 {
        format!("{number:.1} per {unit}")
    } else {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // a rate is not negative, and saturates
        let whole = number.round() as u64;
        format!("{} per {unit}", count(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_unit_that_people_think_in() {
        assert_eq!(
            [3.0, 90.0, 36_000.0, 7.2e6].map(rate_of),
            [
                "3.0 per hour",
                "1.5 per minute",
                "10 per second",
                "2,000 per second"
            ]
        );
    }
}

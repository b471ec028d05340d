//! Moments and spans that are counted in milliseconds.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use maud::{Markup, html};

/// A moment in milliseconds since 1970; nothing for 0.
pub(crate) fn moment(milliseconds: u64) -> Markup {
    let moment = i64::try_from(milliseconds).ok().filter(|since| *since > 0);
    match moment.and_then(DateTime::from_timestamp_millis) {
        Some(moment) => gugus_look::instant(&moment.to_rfc3339_opts(SecondsFormat::Millis, true)),
        None => html! {},
    }
}

/// A span in milliseconds, as people say it.
pub(crate) fn span(milliseconds: u64) -> String {
    gugus_look::duration(Duration::from_millis(milliseconds))
}

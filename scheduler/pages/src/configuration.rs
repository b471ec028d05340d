//! `/configuration`: what the scheduler runs with.

use gugus_look::{Column, Section, plain_table};
use maud::html;
use serde::Serialize;
use utoipa::ToSchema;

use crate::page::Page;
use crate::place::Place;

/// Shown in place of a value that may be a secret.
pub const HIDDEN: &str = "(hidden)";

/// Words in the names of settings whose values may be secrets.
const TELLING: [&str; 6] = ["key", "secret", "token", "password", "credential", "auth"];

/// Whether the value of a setting may be a secret, by its name.
#[must_use]
pub fn may_be_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    TELLING.iter().any(|word| name.contains(word))
}

/// One setting of the scheduler.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Setting {
    /// The flag, as `--listen`.
    pub flag: String,
    /// Its value, masked if it is a secret.
    pub value: String,
    /// Where the value came from: the command line, a variable, a file, or the default.
    pub source: String,
    /// What the setting is for, as `--help` says it.
    pub purpose: String,
}

/// What a scheduler runs with.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Configuration {
    /// All settings, in the order of `--help`.
    pub settings: Vec<Setting>,
}

impl Page for Configuration {
    const PLACE: Place = Place::Configuration;

    fn title(&self) -> String {
        "Configuration".to_owned()
    }

    fn sections(&self) -> Vec<Section> {
        let columns = [
            Column::text("Setting"),
            Column::text("Value"),
            Column::text("Comes from"),
            Column::text("What it is for"),
        ];
        let rows: Vec<_> = self
            .settings
            .iter()
            .map(|setting| {
                vec![
                    html! { code.line { (setting.flag) } },
                    html! { div.reason { code { (setting.value) } } },
                    html! { (setting.source) },
                    html! { div.reason.quiet { (setting.purpose) } },
                ]
            })
            .collect();
        let content = html! {
            p { "This process started with these settings. A flag wins over a variable, and a variable over the configuration file." }
            (plain_table("Settings", &columns, &rows))
        };
        vec![Section::fixed("settings", content)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render;

    #[test]
    fn every_setting_is_shown_with_its_source_and_as_text() {
        let setting = Setting {
            flag: "--state".to_owned(),
            value: "<b>x</b>".to_owned(),
            source: "file gugus.toml".to_owned(),
            purpose: "The folder of runs".to_owned(),
        };
        let settings = vec![setting];
        let page = render(
            &Configuration { settings },
            "/gugus/v1/configuration",
            false,
        );
        for part in [
            "--state",
            "&lt;b&gt;x",
            "file gugus.toml",
            "The folder of runs",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
}

//! `/configuration`: what the scheduler runs with.

use gugus_look::{Column, Order, Section, table};
use maud::html;
use serde::Serialize;
use utoipa::ToSchema;

use crate::page::Page;
use crate::place::Place;

/// One setting of the scheduler.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Setting {
    /// The flag, as `--listen`.
    pub flag: String,
    /// Its value, masked if it is a secret.
    pub value: String,
    /// Where the value came from: the command line, a variable, a file, or the default.
    pub source: String,
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
        ];
        let rows: Vec<_> = self
            .settings
            .iter()
            .map(|setting| {
                vec![
                    html! { code { (setting.flag) } },
                    html! { code { (setting.value) } },
                    html! { (setting.source) },
                ]
            })
            .collect();
        vec![Section::fixed(
            "settings",
            table("Settings", &columns, &rows, &Order::default(), None),
        )]
    }
}

//! `/models`: the models of a store.

use gugus_look::{
    Column, Order, Pager, Section, Tone, badge, command, count, empty, figure, instant, quantity,
    shortened, small_bars, table,
};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::command::{shell_word, submit};
use crate::href;
use crate::page::Page;
use crate::place::Place;
use crate::stores::{choice, unreadable};

/// The most characters of a reason in the table; the model's own page has all of them.
const SHORT: usize = 300;

/// The models of a store, or the choice of one.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Models {
    /// The stores that runs have used, the newest first.
    pub known: Vec<String>,
    /// The store that is shown.
    pub store: Option<String>,
    /// Why the store cannot be shown.
    pub trouble: Option<String>,
    /// Where the batches of these models are.
    pub batches: Vec<String>,
    /// The models of the store by name, each with how many it has.
    pub names: Vec<Name>,
    /// Only models of this name; empty for all.
    pub model: String,
    /// Only models in this state: `ready`, `unusable`, `failed`; empty for all.
    pub state: String,
    /// The column that rows are sorted by.
    pub sort: String,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Up to how many models can be sorted by what stands within them.
    pub sortable: u64,
    /// The number of the first row that is shown, from 0.
    pub from: u64,
    /// How many rows there are.
    pub total: u64,
    /// How many of all models are ready, unusable and failed.
    pub counts: [u64; 3],
    /// The rows that are shown.
    pub rows: Vec<StoredModel>,
}

/// A model entry, as it stands in the store.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Name {
    /// The model's name.
    pub model: String,
    /// How many models of it there are: ready, unusable and failed.
    pub models: u64,
}

/// What became of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// It can be read.
    Ready,
    /// Its folder cannot be read.
    Unusable,
    /// A run found that the data allow no model.
    Failed,
}

impl ModelState {
    /// The word for it, as in the URL.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Unusable => "unusable",
            Self::Failed => "failed",
        }
    }

    /// Its badge.
    #[must_use]
    pub fn badge(self) -> Markup {
        let tone = if self == Self::Ready {
            Tone::Good
        } else {
            Tone::Bad
        };
        badge(tone, self.word())
    }
}

/// A row of the table.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StoredModel {
    /// The model's name.
    pub model: String,
    /// A batch's number, `all`, or the folder of a window.
    pub of: String,
    /// The same in words.
    pub data: String,
    /// What became of it.
    pub state: ModelState,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// What a model that is ready says about itself.
    pub facts: Option<ModelFacts>,
}

/// What a model says about itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModelFacts {
    /// Rows that were fitted.
    pub rows: Option<u64>,
    /// Clusters asked for.
    pub k: u64,
    /// The training cost.
    pub cost: Option<f64>,
    /// Passes over the rows.
    pub iterations: Option<u32>,
    /// Rows of each cluster.
    pub sizes: Vec<u64>,
    /// When it was trained.
    pub trained_at: Option<String>,
}

impl Page for Models {
    const PLACE: Place = Place::Models;

    fn title(&self) -> String {
        "Models".to_owned()
    }

    fn sections(&self) -> Vec<Section> {
        let choice = choice(
            "/models",
            "Folder of models",
            &self.known,
            self.store.as_deref(),
        );
        let mut sections = vec![Section::fixed("choice", choice)];
        if self.store.is_some() && self.trouble.is_none() {
            sections.push(Section::fixed("filter", self.filter()));
        }
        sections.push(Section::live("models", self.list()));
        sections
    }
}

impl Models {
    fn order(&self) -> Order {
        let others = [
            ("in", self.store.as_deref().unwrap_or_default()),
            ("model", &self.model),
            ("state", &self.state),
        ];
        Order::new(&self.sort, self.descending, &others)
    }

    fn filter(&self) -> Markup {
        html! {
            form.filter method="get" action="/models" {
                input type="hidden" name="in" value=[self.store.as_deref()];
                label { span { "Model" } select name="model" {
                    option value="" selected[self.model.is_empty()] { "all" }
                    @for name in &self.names { option value=(name.model) selected[name.model == self.model] { (name.model) " (" (count(name.models)) ")" } }
                } }
                label { span { "State" } select name="state" {
                    option value="" selected[self.state.is_empty()] { "all" }
                    @for state in [ModelState::Ready, ModelState::Unusable, ModelState::Failed] {
                        option value=(state.word()) selected[state.word() == self.state] { (state.word()) }
                    }
                } }
                (self.order().kept())
                button type="submit" { "Filter" }
            }
        }
    }

    fn list(&self) -> Markup {
        let Some(store) = &self.store else {
            return empty(
                "No run has used a folder of models yet. Submit a run, or name a folder above.",
                Some(&submit(None, None)),
            );
        };
        if let Some(trouble) = &self.trouble {
            return unreadable(trouble);
        }
        let [ready, unusable, failed] = self.counts;
        let all = ready + unusable + failed;
        if all == 0 {
            return empty(
                "There is no model in this folder yet. A run trains models:",
                Some(&submit(Some(store), None)),
            );
        }
        html! {
            p {
                (quantity(ready, "model is ready", "models are ready"))
                @if unusable > 0 { ", " (badge(Tone::Bad, &quantity(unusable, "folder is unusable", "folders are unusable"))) }
                @if failed > 0 { ", " (badge(Tone::Bad, &quantity(failed, "model failed", "models failed"))) }
                "."
                @for batches in &self.batches { " Trained on " a href=(href::batches(batches)) { (batches) } "." }
            }
            @if self.rows.is_empty() { p { "No model is in this state. " a href=(href::models(store)) { "Show all" } } } @else { (self.table(store)) }
            @if self.total > self.sortable { p.quiet { "Up to " (count(self.sortable)) " models can be sorted by cost, rows, iterations and time: choose a model or a state first." } }
            p.quiet { "Predictions come from " code { "serve" } ": " (command(&format!("gugus serve --models {}", shell_word(store)))) }
        }
    }

    fn table(&self, store: &str) -> Markup {
        let by = |column: Column, key: &'static str| {
            if self.total <= self.sortable {
                column.sorted_by(key)
            } else {
                column
            }
        };
        let columns = [
            Column::text("Model").sorted_by("model"),
            Column::text("Data").sorted_by("batch"),
            Column::text("State"),
            by(Column::numbers("Rows"), "rows"),
            by(Column::numbers("k"), "k"),
            by(Column::numbers("Cost"), "cost"),
            by(Column::numbers("Iterations"), "iterations"),
            Column::text("Sizes"),
            by(Column::text("Trained"), "trained"),
        ];
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| cells(store, row)).collect();
        let pager = Pager {
            from: self.from,
            size: crate::ROWS,
            total: self.total,
        };
        table("Models", &columns, &rows, &self.order(), Some(pager))
    }
}

fn cells(store: &str, row: &StoredModel) -> Vec<Markup> {
    let nothing = || html! {};
    let mut cells = vec![
        html! { a href=(href::model(store, &row.model, &row.of)) { (row.model) } },
        html! { a href=(href::model(store, &row.model, &row.of)) { (row.data.replace(' ', "\u{a0}")) } },
        html! { (row.state.badge()) @if let Some(reason) = &row.reason { div.reason { (shortened(reason, SHORT)) } } },
    ];
    match &row.facts {
        None => cells.extend((0..6).map(|_| nothing())),
        Some(facts) => cells.extend([
            html! { @if let Some(rows) = facts.rows { (count(rows)) } },
            html! { (count(facts.k)) },
            html! { @if let Some(cost) = facts.cost { (figure(cost)) } },
            html! { @if let Some(iterations) = facts.iterations { (iterations) } },
            sizes(&facts.sizes),
            html! { @if let Some(at) = &facts.trained_at { (instant(at)) } },
        ]),
    }
    cells
}

/// The sizes of clusters as small bars.
fn sizes(sizes: &[u64]) -> Markup {
    if sizes.is_empty() {
        return html! {};
    }
    let shown: Vec<String> = sizes.iter().take(32).map(|size| count(*size)).collect();
    let more = if sizes.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    let name = format!(
        "{} with rows {}{more}",
        quantity(sizes.len() as u64, "cluster", "clusters"),
        shown.join("; ")
    );
    small_bars(&name, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{HOSTILE, assert_harmless};

    fn row(state: ModelState, facts: Option<ModelFacts>) -> StoredModel {
        StoredModel {
            model: HOSTILE.to_owned(),
            of: "7".to_owned(),
            data: "batch 7".to_owned(),
            state,
            reason: (state != ModelState::Ready).then(|| format!("it has no _SUCCESS {HOSTILE}")),
            facts,
        }
    }

    fn page() -> Models {
        let facts = ModelFacts {
            rows: Some(1_000),
            k: 3,
            cost: Some(12.5),
            iterations: Some(4),
            sizes: vec![500, 300, 200],
            trained_at: Some("2026-01-02T03:04:05.678Z".to_owned()),
        };
        Models {
            known: vec![HOSTILE.to_owned()],
            store: Some(HOSTILE.to_owned()),
            names: vec![Name {
                model: HOSTILE.to_owned(),
                models: 3,
            }],
            model: HOSTILE.to_owned(),
            sort: "cost".to_owned(),
            descending: true,
            sortable: 2_000,
            total: 3,
            counts: [1, 1, 1],
            rows: vec![
                row(ModelState::Ready, Some(facts)),
                row(ModelState::Unusable, None),
                row(ModelState::Failed, None),
            ],
            ..Models::default()
        }
    }

    #[test]
    fn models_unusable_folders_and_failures_are_told() {
        let text = crate::render(&page(), "/gugus/v1/models", false);
        for part in [
            "1 model is ready",
            "1 folder is unusable",
            "1 model failed",
            "it has no _SUCCESS",
            "3 clusters with rows 500; 300; 200",
            "12.5",
            "aria-sort=\"descending\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_harmless(&text);
    }

    /// What stands within a model is read only for the rows that are shown, so many models cannot be sorted by it.
    #[test]
    fn many_models_are_sorted_by_what_a_listing_tells() {
        let text = crate::render(
            &Models {
                total: 100_000,
                ..page()
            },
            "",
            false,
        );
        assert!(
            text.contains("sort=batch") && !text.contains("sort=rows"),
            "{text}"
        );
        assert!(text.contains("Up to 2,000 models"), "{text}");
        assert!(text.contains("1 to 100 of 100,000"), "{text}");
    }

    #[test]
    fn an_empty_page_says_what_to_do() {
        assert!(crate::render(&Models::default(), "", false).contains("gugus submit --job"));
        let empty = Models {
            store: Some("/data/m".to_owned()),
            ..Models::default()
        };
        assert!(crate::render(&empty, "", false).contains("--models /data/m"));
    }
}

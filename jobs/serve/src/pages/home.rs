//! `/`: the models.

use gugus_look::{
    Column, Order, Pager, Section, command, count, empty, path_part, quantity, shortened, table,
};
use maud::{Markup, html};

use super::frame::{Root, page};

/// Rows of a page.
pub(crate) const PER_PAGE: usize = 100;

/// The most aliases of a row, and characters of a name.
const ALIASES: usize = 5;
const NAME: usize = 120;

/// The models of the store, some of them.
#[derive(Debug)]
pub(crate) struct Home {
    /// Only models whose names contain this text.
    pub(crate) name: String,
    /// The number of the first row that is shown, from 0.
    pub(crate) from: usize,
    /// How many models there are with such a name, and in all.
    pub(crate) found: usize,
    pub(crate) all: usize,
    pub(crate) rows: Vec<Row>,
    /// Why the list may be old, if the store cannot be listed.
    pub(crate) trouble: Option<&'static str>,
}

/// The models of one name.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) model: String,
    pub(crate) newest: Option<u64>,
    pub(crate) batches: usize,
    pub(crate) windows: usize,
    pub(crate) all: bool,
    /// Names of batches.
    pub(crate) aliases: Vec<String>,
}

impl Home {
    /// The page. `address` is that of the service, as the viewer's browser knows it.
    pub(crate) fn render(&self, root: &Root, address: &str) -> String {
        let mut sections = Vec::new();
        if let Some(trouble) = self.trouble {
            let note = html! { div.note.bad role="alert" { p { (trouble) } } };
            sections.push(Section::fixed("trouble", note));
        }
        sections.push(Section::fixed("models", self.models(root)));
        sections.push(Section::fixed("ask", asking(root, address)).titled("Ask by a program"));
        page(root, &[], "Models", Some("models"), &sections)
    }

    fn models(&self, root: &Root) -> Markup {
        if self.all == 0 {
            let why = "There are no models yet. Train some into this folder; they appear here by themselves, at the next look.";
            return empty(
                why,
                Some("gugus train --job JOB.toml --batches data/batch --models data/models"),
            );
        }
        let columns = [
            Column::text("Model"),
            Column::text("Newest"),
            Column::numbers("Batches"),
            Column::numbers("Windows"),
            Column::text("Over all batches"),
            Column::text("Aliases"),
        ];
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| row.cells(root)).collect();
        let order = Order::new("", false, &[("name", &self.name)]);
        let pager = Pager {
            from: self.from as u64,
            size: PER_PAGE as u64,
            total: self.found as u64,
        };
        html! {
            form.filter method="get" action=(root.to("")) role="search" {
                label { span { "Name contains" } input type="search" name="name" value=(self.name) spellcheck="false"; }
                button type="submit" { "Filter" }
            }
            p.quiet { (quantity(self.found as u64, "model", "models"))
                @if self.found != self.all { " of " (count(self.all as u64)) }
            }
            @if self.rows.is_empty() { (empty("No model has such a name.", None)) }
            @else { (table("Models", &columns, &rows, &order, Some(pager))) }
        }
    }
}

impl Row {
    fn cells(&self, root: &Root) -> Vec<Markup> {
        let at = format!("pages/{}", path_part(&self.model));
        let number =
            |number: usize| html! { @if number > 0 { (count(number as u64)) } @else { "–" } };
        let aliases = self.aliases.iter().take(ALIASES);
        vec![
            html! { a href=(root.to(&at)) { (shortened(&self.model, NAME)) } },
            html! { @match self.newest {
                Some(batch) => a href=(root.to(&format!("{at}/batches/{batch}"))) { "batch " (batch) },
                None => "–",
            } },
            number(self.batches),
            number(self.windows),
            html! { @if self.all { "yes" } @else { "–" } },
            html! { @for (nth, alias) in aliases.enumerate() {
                @if nth > 0 { ", " }
                a href=(root.to(&format!("{at}/batches/{}", path_part(alias)))) { (alias) }
            } @if self.aliases.len() > ALIASES { " …" } },
        ]
    }
}

fn asking(root: &Root, address: &str) -> Markup {
    html! {
        p { "The page of a model has the command for it. " a href=(root.to("docs")) { "All requests" } " can be tried in the browser." }
        p { (command(&format!("curl -s {address}/models"))) }
    }
}

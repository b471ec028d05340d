//! `/pages/{model}`: one model, its map, and a form that predicts.

use gugus_look::{
    Column, Link, Order, Pager, Section, command, count, fact, figure, instant, path_part,
    plain_table, shortened, table,
};
use maud::{Markup, html};

use super::frame::{Root, page};

/// How many clusters and how many of their numbers a page shows. A model may have thousands of both.
const CLUSTERS: usize = 100;
const NUMBERS: usize = 8;

/// How many other batches or windows of the model a page lists.
const OTHERS: usize = 100;

/// The longest expression of a feature on a page.
const SQL: usize = 300;

/// Which model a page shows.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) model: String,
    /// `batches/7`, `windows/2024-05`, or nothing for the model over all batches, each part encoded.
    pub(crate) part: String,
    /// The same in words.
    pub(crate) data: String,
}

impl Target {
    /// The path of the model below `pages/` or `models/`.
    fn path(&self, below: &str) -> String {
        let model = path_part(&self.model);
        match self.part.as_str() {
            "" => format!("{below}/{model}"),
            part => format!("{below}/{model}/{part}"),
        }
    }
}

/// A field of the form.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Its type, in words of the job file.
    pub(crate) kind: &'static str,
    pub(crate) required: bool,
    /// What it holds: what the viewer sent, or an example.
    pub(crate) value: String,
}

/// What the form found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing was asked.
    Nothing,
    Cluster {
        cluster: i32,
        distance: f64,
        second: Option<(i32, f64)>,
        probabilities: Vec<f64>,
    },
    Refused(String),
}

/// A model.
#[derive(Debug)]
pub(crate) struct ModelPage {
    pub(crate) target: Target,
    /// Which fields the form has.
    pub(crate) fields: Vec<Field>,
    pub(crate) found: Found,
    /// The same record as JSON, for a program.
    pub(crate) record: String,
    pub(crate) algorithm: &'static str,
    pub(crate) rows: Option<u64>,
    pub(crate) trained_at: Option<String>,
    pub(crate) uid: String,
    /// Names of features with their expressions.
    pub(crate) features: Vec<(String, String)>,
    pub(crate) middles: Vec<Vec<f64>>,
    pub(crate) sizes: Vec<u64>,
    pub(crate) has_map: bool,
    /// Other parts of the model, the newest first: what each is called, and its part of the path.
    pub(crate) others: Vec<(String, String)>,
    /// The number of the first of them that is shown, and how many there are.
    pub(crate) from: usize,
    pub(crate) parts: usize,
}

impl ModelPage {
    /// How many other parts a page lists.
    pub(crate) const OTHERS: usize = OTHERS;

    /// The page. `address` is that of the service, as the viewer's browser knows it.
    pub(crate) fn render(&self, root: &Root, address: &str) -> String {
        let mut sections = vec![
            Section::fixed("facts", self.facts()),
            Section::fixed("predict", self.form(root, address)).titled("Predict"),
        ];
        if self.has_map {
            sections.push(Section::fixed("map", self.map(root)).titled("Map"));
        }
        sections.push(Section::fixed("clusters", self.clusters()).titled("Clusters"));
        if !self.features.is_empty() {
            sections.push(Section::fixed("features", self.expressions()).titled("Features"));
        }
        if self.parts > 1 {
            sections.push(
                Section::fixed("others", self.others(root)).titled("Other models of this name"),
            );
        }
        let title = format!(
            "{}, {}",
            shortened(&self.target.model, 120),
            self.target.data
        );
        let way = [Link::new("Models", root.to(""))];
        page(
            root,
            &way,
            &title,
            Some(&self.target.path("models")),
            &sections,
        )
    }

    fn facts(&self) -> Markup {
        html! { dl.facts {
            (fact("Algorithm", &html! { (self.algorithm) }))
            (fact("Clusters", &html! { (count(self.middles.len() as u64)) }))
            @if let Some(rows) = self.rows { (fact("Rows", &html! { (count(rows)) })) }
            @if let Some(at) = &self.trained_at { (fact("Trained", &instant(at))) }
            (fact("Uid", &html! { code { (self.uid) } }))
        } }
    }

    fn form(&self, root: &Root, address: &str) -> Markup {
        let url = format!("{address}/{}/predict", self.target.path("models"));
        // In a shell, a quote within quotes ends them, stands alone, and begins them again.
        let record = self.record.replace('\'', "'\\''");
        let request = format!(
            "curl -s '{url}?explain=true' -H 'content-type: application/json' -d '{record}'"
        );
        html! {
            (self.answer())
            form method="post" action=(root.to(&self.target.path("pages"))) {
                div.fields { @for field in &self.fields {
                    label { span { (field.name) " (" (field.kind) @if !field.required { ", may be empty" } ")" }
                        input type="text" name=(field.name) value=(field.value) required[field.required] size="18" spellcheck="false" autocomplete="off";
                    }
                } }
                div.actions { button.first type="submit" { "Predict" } }
            }
            p { "The same by a program:" }
            p { (command(&request)) }
        }
    }

    fn answer(&self) -> Markup {
        match &self.found {
            Found::Nothing => html! {},
            Found::Refused(why) => html! { div class="note bad" role="alert" { p { (why) } } },
            Found::Cluster {
                cluster,
                distance,
                second,
                probabilities,
            } => html! { div.note role="status" {
                p { strong { @if *cluster < 0 { "No cluster" } @else { "Cluster " (cluster) } } ", at a distance of " (figure(*distance)) "." }
                @if let Some((second, distance)) = second {
                    p { "Next comes cluster " (second) ", at a distance of " (figure(*distance)) "." }
                }
                @if let Some(probability) = usize::try_from(*cluster).ok().and_then(|cluster| probabilities.get(cluster)) {
                    p { "Its probability is " (figure(*probability)) "." }
                }
            } },
        }
    }

    fn map(&self, root: &Root) -> Markup {
        let alt = format!(
            "Map of the clusters of {}, {}",
            self.target.model, self.target.data
        );
        html! { img.map src=(root.to(&format!("{}/map.svg", self.target.path("pages")))) width="1100" height="820" alt=(alt); }
    }

    fn clusters(&self) -> Markup {
        let names: Vec<String> = match self.features.as_slice() {
            [] => (0..self.middles.first().map_or(0, Vec::len))
                .map(|d| format!("feature {d}"))
                .collect(),
            features => features.iter().map(|(name, _)| name.clone()).collect(),
        };
        let shown = names.len().min(NUMBERS);
        let rows: Vec<Vec<Markup>> = self.middles.iter().enumerate().take(CLUSTERS).map(|(cluster, middle)| {
            let center = names.iter().zip(middle).take(NUMBERS);
            vec![
                html! { (cluster) },
                html! { @match self.sizes.get(cluster) { Some(size) => (count(*size)), None => "–" } },
                html! { @for (nth, (name, value)) in center.enumerate() { @if nth > 0 { ", " } (shortened(name, 40)) " " (figure(*value)) } @if names.len() > shown { " …" } },
            ]
        }).collect();
        let columns = [
            Column::numbers("Cluster"),
            Column::numbers("Rows"),
            Column::text("Center"),
        ];
        html! {
            (plain_table("Clusters", &columns, &rows))
            @if self.middles.len() > CLUSTERS { p.quiet { "The first " (CLUSTERS) " of " (count(self.middles.len() as u64)) " clusters. The page as JSON has all of them." } }
        }
    }

    fn expressions(&self) -> Markup {
        let columns = [Column::text("Feature"), Column::text("Expression")];
        let features = self.features.iter().take(CLUSTERS);
        let rows: Vec<Vec<Markup>> = features
            .map(|(name, sql)| {
                vec![
                    html! { (shortened(name, 120)) },
                    html! { code { (shortened(sql, SQL)) } },
                ]
            })
            .collect();
        plain_table("Features", &columns, &rows)
    }

    fn others(&self, root: &Root) -> Markup {
        let at = format!("pages/{}", path_part(&self.target.model));
        let row = |(name, part): &(String, String)| {
            let to = if part.is_empty() {
                at.clone()
            } else {
                format!("{at}/{part}")
            };
            let here = *part == self.target.part;
            vec![html! { a href=(root.to(&to)) aria-current=[here.then_some("page")] { (name) } }]
        };
        let rows: Vec<Vec<Markup>> = self.others.iter().map(row).collect();
        let pager = Pager {
            from: self.from as u64,
            size: OTHERS as u64,
            total: self.parts as u64,
        };
        table(
            "Other models of this name",
            &[Column::text("Of")],
            &rows,
            &Order::default(),
            Some(pager),
        )
    }
}

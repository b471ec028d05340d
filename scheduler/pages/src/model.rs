//! `/models/{model}/{of}`: one model.

use gugus_look::{
    Bar, Column, Link, Section, Tone, badge, bars, command, count, done_of, empty, fact, figure,
    instant, plain_table, quantity, small_line, wide,
};
use gugus_progress::Standing;
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::command::{shell_word, submit};
use crate::href;
use crate::models::ModelState;
use crate::page::Page;
use crate::place::Place;

/// The clusters that a table shows, and the features.
const CLUSTERS: usize = 100;
const FEATURES: usize = 40;

/// One model.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Model {
    /// The store of models.
    pub store: String,
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
    /// The run that found the reason.
    pub run: Option<String>,
    /// The models of the batch before and after.
    pub neighbours: [Option<String>; 2],
    /// The model, if it can be read.
    pub trained: Option<Box<Trained>>,
}

/// What a saved model holds.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Trained {
    /// The job that trained it; null for a folder that Spark wrote, as are all fields that `model.json` tells.
    pub job: Option<String>,
    /// The algorithm.
    pub algorithm: String,
    /// Its parameters.
    pub params: Vec<(String, String)>,
    /// The features.
    pub features: Vec<Feature>,
    /// The condition that rows had to meet.
    pub condition: Option<String>,
    /// The column of weights.
    pub weight_col: Option<String>,
    /// Rows that were fitted.
    pub rows: Option<u64>,
    /// Passes over the rows.
    pub iterations: Option<u32>,
    /// The training cost.
    pub cost: Option<f64>,
    /// Clusters asked for.
    pub k: u64,
    /// Rows of no cluster.
    pub noise: u64,
    /// When it was trained.
    pub trained_at: Option<String>,
    /// The version of gugus that trained it.
    pub gugus_version: Option<String>,
    /// Its uid.
    pub uid: String,
    /// The commit of its batch, or of the newest one at the time.
    pub commit_id: Option<String>,
    /// Where its batches are; null where no run of this scheduler used these models.
    pub batches: Option<String>,
    /// Its clusters.
    pub clusters: Vec<Cluster>,
    /// The batches that lines of sizes and moves go over.
    pub over: Vec<u64>,
    /// The silhouette.
    pub silhouette: Work<Silhouette>,
    /// The map.
    pub map: Map,
    /// The command that asks `serve` for a prediction.
    pub curl: String,
    /// The folder as Spark loads it; null for a model that Spark does not have.
    pub spark: Option<String>,
}

/// A dimension of the points.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Its SQL.
    pub sql: String,
}

/// One cluster.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cluster {
    /// Its rows.
    pub rows: Option<u64>,
    /// Its center, or a point in its middle.
    pub center: Vec<f64>,
    /// The share of the rows in the nearest cluster of each of the batches in `over`.
    pub shares: Vec<Option<f64>>,
    /// How far the nearest center of each of these batches is from this center.
    pub distances: Vec<Option<f64>>,
}

/// Work that is done when somebody asks for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "state", content = "of")]
pub enum Work<T> {
    /// Nobody has asked.
    #[default]
    None,
    /// It cannot be done, for this reason.
    Impossible(String),
    /// It is under way.
    Running(Standing),
    /// It is done.
    Done(T),
    /// It failed, for this reason.
    Failed(String),
}

/// How well clusters are apart.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Silhouette {
    /// The mean over all rows; null where fewer than two clusters have rows.
    pub silhouette: Option<f64>,
    /// The mean of each cluster.
    pub clusters: Vec<Option<f64>>,
    /// Rows that it was computed on.
    pub rows: u64,
    /// The cost on these rows.
    pub cost: f64,
    /// How long it took.
    pub seconds: f64,
}

/// The map of a model.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Map {
    /// The feature to the right, and the one upwards; none where there is no map.
    pub axes: Option<(String, String)>,
    /// The rows that it shows. `done` holds the path of the picture.
    pub picture: Work<String>,
}

impl Page for Model {
    const PLACE: Place = Place::Models;

    fn title(&self) -> String {
        format!("{}, {}", self.model, self.data)
    }

    fn way(&self) -> Vec<Link> {
        vec![
            Place::Models.link(),
            Link::new(self.store.clone(), href::models(&self.store)),
        ]
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![Section::live("facts", self.facts())];
        if let Some(trained) = &self.trained {
            sections.extend([
                Section::live("sizes", trained.sizes()).titled("Cluster sizes"),
                Section::live("silhouette", self.silhouette(trained)).titled("Silhouette"),
                Section::fixed("axes", self.axes(trained)).titled("Map of the clusters"),
                Section::live("map", self.map(trained)),
                Section::live("centers", trained.centers()).titled("Centers"),
                Section::fixed("made", html! { (self.origin(trained)) (trained.made()) })
                    .titled("How it was trained"),
                Section::fixed("use", trained.usage(&self.store)).titled("Use it"),
            ]);
        }
        sections
    }
}

impl Model {
    fn facts(&self) -> Markup {
        let [before, after] = &self.neighbours;
        html! {
            p.actions {
                (self.state.badge())
                @if let Some(of) = before { a rel="prev" href=(href::model(&self.store, &self.model, of)) { "Batch " (of) } }
                @if let Some(of) = after { a rel="next" href=(href::model(&self.store, &self.model, of)) { "Batch " (of) } }
            }
            @if let Some(reason) = &self.reason { div.note.bad {
                p { (reason) }
                @if let Some(run) = &self.run { p { "Found by " a href=(href::run(run)) { "run " (run) } "." } }
            } }
            @match &self.trained {
                Some(trained) => (trained.facts()),
                None => (empty("There is no model to show. Correct the cause, then train it again:", Some(&submit(Some(&self.store), None)))),
            }
        }
    }

    /// Which batch and commit the model came from.
    fn origin(&self, trained: &Trained) -> Markup {
        let Some(batches) = &trained.batches else {
            return html! { p.quiet { "No run of this scheduler used these models, so their batches are unknown to it." } };
        };
        html! { p {
            "It was trained on "
            @match self.of.parse::<u64>() {
                Ok(number) => { a href=(href::batch(batches, number)) { "batch " (number) } }
                Err(_) => { a href=(href::batches(batches)) { "the batches" } }
            }
            " in " (batches)
            @if let Some(commit) = &trained.commit_id { ", commit " code { (commit) } }
            "."
        } }
    }

    fn silhouette(&self, trained: &Trained) -> Markup {
        let button = |word: &str| {
            html! {
                form.actions method="post" action=(href::silhouette(&self.store, &self.model, &self.of)) {
                    button type="submit" { (word) }
                }
            }
        };
        html! { @match &trained.silhouette {
            Work::None => {
                p { "The silhouette says how well the clusters are apart: near 1 they are, near 0 they touch. It is computed on the cluster, over all rows that the model was trained on." }
                (button("Compute silhouette"))
            }
            Work::Done(done) => {
                dl.facts {
                    (fact("Silhouette", &html! { @match done.silhouette { Some(silhouette) => { strong { (figure(silhouette)) } } None => { "none: it takes two clusters with rows" } } }))
                    (fact("Cost on these rows", &html! { (figure(done.cost)) }))
                    (fact("Rows", &html! { (count(done.rows)) }))
                    (fact("Took", &html! { (gugus_look::duration(std::time::Duration::from_secs_f64(done.seconds.clamp(0.0, 1e9)))) }))
                }
                p.quiet { "By cluster: " @for (at, of) in done.clusters.iter().take(CLUSTERS).enumerate() { @if at > 0 { "; " } (at) ": " @match of { Some(of) => (figure(*of)), None => "none" } } }
            }
            other => { (other.pending("silhouette", "The silhouette is being computed", &button("Compute silhouette again"))) }
        } }
    }

    fn axes(&self, trained: &Trained) -> Markup {
        let Some((x, y)) = &trained.map.axes else {
            return html! { p.quiet { "A map takes a model of k-means with two features." } };
        };
        let pick = |label: &str, name: &str, chosen: &str| {
            html! {
                label { span { (label) } select name=(name) { @for feature in &trained.features {
                    option value=(feature.name) selected[feature.name == chosen] { (feature.name) }
                } } }
            }
        };
        html! {
            form.filter method="get" action=(href::model_path(&self.model, &self.of)) {
                input type="hidden" name="in" value=(self.store);
                (pick("To the right", "x", x))
                (pick("Upwards", "y", y))
                button type="submit" { "Draw" }
            }
        }
    }

    fn map(&self, trained: &Trained) -> Markup {
        let Some((x, y)) = &trained.map.axes else {
            return html! {};
        };
        let button = |word: &str| {
            html! {
                form.actions method="post" action=(href::map(&self.store, &self.model, &self.of, [x, y])) {
                    button type="submit" { (word) }
                }
            }
        };
        html! { @match &trained.map.picture {
            Work::None => { p { "This model has many rows, so a sample of them is drawn on the cluster." } (button("Draw the map")) }
            Work::Done(path) => { img.map src=(path) width="1100" height="820" alt={ "Map of the clusters of " (self.model) ", " (self.data) ": " (x) " to the right, " (y) " upwards" }; }
            other => { (other.pending("map", "Rows are being drawn", &button("Draw the map again"))) }
        } }
    }
}

impl<T> Work<T> {
    /// Said in place of the result of this name: the work is impossible, under way or failed.
    fn pending(&self, name: &str, running: &str, again: &Markup) -> Markup {
        html! { @match self {
            Self::None | Self::Done(_) => {}
            Self::Impossible(why) => { p.quiet { "There is no " (name) ": " (why) } }
            Self::Running(now) => { p {
                (badge(Tone::Busy, running)) " "
                @if now.total > 0 { (done_of(now.done, now.total, running)) }
                " " span.quiet { (now.message) }
            } }
            Self::Failed(why) => { div.note.bad { p { (badge(Tone::Bad, "failed")) " " (why) } } (again) }
        } }
    }
}

impl Trained {
    fn facts(&self) -> Markup {
        html! { dl.facts {
            @if let Some(job) = &self.job { (fact("Job", &html! { (job) })) }
            (fact("Clusters", &html! { (count(self.clusters.len() as u64)) " of k = " (count(self.k)) }))
            @if let Some(rows) = self.rows { (fact("Rows", &html! { (count(rows)) })) }
            @if let Some(cost) = self.cost { (fact("Training cost", &html! { (figure(cost)) })) }
            @if let Some(iterations) = self.iterations { (fact("Iterations", &html! { (iterations) })) }
            @if self.noise > 0 { (fact("Rows of no cluster", &html! { (count(self.noise)) })) }
            @if let Some(at) = &self.trained_at { (fact("Trained", &html! { (instant(at)) })) }
        } }
    }

    fn sizes(&self) -> Markup {
        let all: Vec<Bar> = self
            .clusters
            .iter()
            .enumerate()
            .filter_map(|(at, cluster)| {
                let rows = cluster.rows?;
                Some(Bar {
                    label: at.to_string(),
                    up: rows,
                    down: 0,
                    title: format!("cluster {at}: {}", quantity(rows, "row", "rows")),
                })
            })
            .collect();
        if all.is_empty() {
            return html! { p.quiet { "Spark does not save how many rows a cluster has." } };
        }
        let rows = || self.clusters.iter().filter_map(|cluster| cluster.rows);
        let (most, least) = (rows().max().unwrap_or(0), rows().min().unwrap_or(0));
        html! {
            (bars("Rows of each cluster", &all))
            p.quiet { "Rows of each cluster, by its number. The largest has " (count(most)) ", the smallest " (count(least)) "." }
        }
    }

    fn centers(&self) -> Markup {
        let drift = self.over.len() > 1;
        let features: Vec<&str> = self
            .features
            .iter()
            .map(|feature| feature.name.as_str())
            .take(FEATURES)
            .collect();
        let width = self
            .clusters
            .first()
            .map_or(0, |cluster| cluster.center.len());
        html! {
            @if let (true, Some(first), Some(last)) = (drift, self.over.first(), self.over.last()) {
                p { "The lines go from batch " (first) " to batch " (last) ". Each batch is fitted by itself: the line of a cluster follows the nearest center of each batch." }
            }
            (wide("Centers", &html! { table {
                thead { tr {
                    th.n scope="col" { "Cluster" } th.n scope="col" { "Rows" }
                    @if drift { th scope="col" { "Share of rows" } th scope="col" { "Distance" } }
                    @for at in 0..width.min(FEATURES) { th.n scope="col" { @match features.get(at) { Some(name) => (name), None => { "dimension " (at) } } } }
                } }
                tbody { @for (at, cluster) in self.clusters.iter().enumerate().take(CLUSTERS) { tr {
                    td.n { (at) }
                    td.n { @if let Some(rows) = cluster.rows { (count(rows)) } }
                    @if drift {
                        td { (small_line(&trend("share of rows", &cluster.shares, true), &cluster.shares)) }
                        td { (small_line(&trend("distance to this center", &cluster.distances, false), &cluster.distances)) }
                    }
                    @for value in cluster.center.iter().take(FEATURES) { td.n { (figure(*value)) } }
                } } }
            } }))
            @if self.clusters.len() > CLUSTERS || width > FEATURES { p.quiet { "The page shows " (CLUSTERS) " clusters and " (FEATURES) " features at most; " code { "gugus models show" } " prints all." } }
        }
    }

    fn made(&self) -> Markup {
        let cells =
            |feature: &Feature| vec![html! { (feature.name) }, html! { code { (feature.sql) } }];
        let features: Vec<_> = self.features.iter().map(cells).collect();
        html! {
            dl.facts {
                (fact("Algorithm", &html! { (self.algorithm) }))
                @for (name, value) in &self.params { (fact(name, &html! { code { (value) } })) }
                @if let Some(condition) = &self.condition { (fact("where", &html! { code { (condition) } })) }
                @if let Some(weight) = &self.weight_col { (fact("weight_col", &html! { code { (weight) } })) }
                (fact("uid", &html! { code { (self.uid) } }))
                @if let Some(version) = &self.gugus_version { (fact("Trained by", &html! { "gugus " (version) })) }
            }
            @if !self.features.is_empty() {
                (plain_table("Features", &[Column::text("Feature"), Column::text("SQL")], &features))
            }
        }
    }

    fn usage(&self, store: &str) -> Markup {
        html! {
            p { "Start " code { "serve" } ", then ask it:" }
            p { (command(&format!("gugus serve --models {}", shell_word(store)))) }
            p { (command(&self.curl)) }
            @match &self.spark {
                Some(folder) => { p { "Load it in Spark:" } p { (command(&format!("from pyspark.ml.clustering import KMeansModel; model = KMeansModel.load({folder:?})"))) } }
                None => { p.quiet { "Spark has no model like this one." } }
            }
        }
    }
}

/// A line in words: from where to where.
fn trend(what: &str, values: &[Option<f64>], percent: bool) -> String {
    let say = |value: f64| {
        if percent {
            format!("{:.1} %", value * 100.0)
        } else {
            figure(value)
        }
    };
    let mut there = values.iter().flatten().copied();
    match (there.next(), there.next_back()) {
        (Some(first), Some(last)) => format!("{what}: from {} to {}", say(first), say(last)),
        (Some(only), None) => format!("{what}: {}", say(only)),
        _ => format!("{what}: unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{HOSTILE, assert_harmless};

    fn trained() -> Trained {
        let cluster = |rows: u64, at: f64| Cluster {
            rows: Some(rows),
            center: vec![at, -at],
            shares: vec![Some(0.25), None, Some(0.5)],
            distances: vec![Some(1.0), None, Some(0.0)],
        };
        Trained {
            job: Some(HOSTILE.to_owned()),
            algorithm: "kmeans".to_owned(),
            params: vec![("seed".to_owned(), HOSTILE.to_owned())],
            features: vec![
                Feature {
                    name: "lat".to_owned(),
                    sql: format!("LAT + '{HOSTILE}'"),
                },
                Feature {
                    name: HOSTILE.to_owned(),
                    sql: "LON".to_owned(),
                },
            ],
            rows: Some(3_000),
            cost: Some(12.5),
            k: 3,
            commit_id: Some("c0ffee".to_owned()),
            batches: Some("/data/batch".to_owned()),
            clusters: vec![cluster(2_000, 1.5), cluster(1_000, 2.5)],
            over: vec![5, 6, 7],
            map: Map {
                axes: Some((HOSTILE.to_owned(), "lat".to_owned())),
                picture: Work::Done("/models/m/7/map.svg?in=/data/m".to_owned()),
            },
            curl: "curl http://127.0.0.1:8000/models/m/batches/7/predict".to_owned(),
            spark: Some("/data/m/m/batch_00000007".to_owned()),
            ..Trained::default()
        }
    }

    fn page(trained: Option<Trained>) -> Model {
        Model {
            store: "/data/m".to_owned(),
            model: HOSTILE.to_owned(),
            of: "7".to_owned(),
            data: "batch 7".to_owned(),
            state: ModelState::Ready,
            reason: None,
            run: None,
            neighbours: [Some("6".to_owned()), None],
            trained: trained.map(Box::new),
        }
    }

    #[test]
    fn a_model_is_told_whole_and_hostile_text_is_text() {
        let text = crate::render(&page(Some(trained())), "/gugus/v1/models/m/7", false);
        for part in [
            "Compute silhouette",
            "2 of k = 3",
            "href=\"/batches/7?in=/data/batch\"",
            "c0ffee",
            "share of rows: from 25.0 % to 50.0 %",
            "src=\"/models/m/7/map.svg?in=/data/m\"",
            "KMeansModel.load",
            "/data/m/m/batch_00000007",
            "Rows of each cluster",
            "/batches/7/predict",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_harmless(&text);
    }

    #[test]
    fn work_is_shown_as_it_goes() {
        let shows = |silhouette: Work<Silhouette>, part: &str| {
            let text = crate::render(
                &page(Some(Trained {
                    silhouette,
                    ..trained()
                })),
                "",
                false,
            );
            assert!(text.contains(part), "{part} in {text}");
        };
        shows(
            Work::Running(Standing {
                done: 1,
                total: 3,
                message: "m: silhouette".to_owned(),
            }),
            "1 of 3",
        );
        shows(Work::Failed("no executor".to_owned()), "no executor");
        shows(
            Work::Impossible("Spark wrote it".to_owned()),
            "Spark wrote it",
        );
        let done = Silhouette {
            silhouette: Some(0.731_28),
            clusters: vec![Some(0.5), None],
            rows: 9,
            cost: 1.0,
            seconds: 0.25,
        };
        shows(Work::Done(done), "0.7313");
    }

    #[test]
    fn a_failed_model_says_why() {
        let failed = Model {
            state: ModelState::Failed,
            reason: Some(format!("column \"Latitude\" has an infinity {HOSTILE}")),
            run: Some("20260101".to_owned()),
            ..page(None)
        };
        let text = crate::render(&failed, "", false);
        assert!(
            text.contains("has an infinity") && text.contains("href=\"/runs/20260101\""),
            "{text}"
        );
        assert_harmless(&text);
    }
}

//! `gugus models evaluate`.

use std::ops::RangeInclusive;

use clap::Args;
use gugus_evaluate::{Evaluation, On, Subject, Which};
use gugus_models::WindowKey;
use gugus_progress::Progress;
use gugus_spec::BatchNumber;

use crate::commands::cluster::OnCluster;
use crate::commands::{BatchesFolder, ModelsFolder};
use crate::exit::{Code, Failure};
use crate::output::{Output, count, draw, print, print_json, table};
use crate::signals::Stop;

/// Say how good a model is: its cost, its clusters' sizes, its silhouette as Spark's ClusteringEvaluator has it
///
/// By default on the rows that it was trained on, with the features, `where` and weights that were saved with it. With --k,
/// other numbers of clusters are fitted to the same rows, to see where more of them stop paying; nothing is saved.
/// Without --scheduler a cluster is started within this process.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The model's name
    model: String,
    /// The batch that it was trained on, or `all` for the model over everything; the latest when absent
    #[arg(long, value_name = "N|all", value_parser = which)]
    batch: Option<Which>,
    /// The window that it was trained on, for a model that has some, such as 2024-05
    #[arg(long, value_name = "KEY", conflicts_with = "batch")]
    window: Option<WindowKey>,
    /// Evaluate it on the rows of these batches instead of its own
    #[arg(long, value_name = "N|N..M|newest|all", value_parser = on)]
    on: Option<On>,
    /// Numbers of clusters to compare it with, both ends included
    #[arg(long, value_name = "2..10", value_parser = numbers)]
    k: Option<RangeInclusive<usize>>,
    #[command(flatten)]
    models: ModelsFolder,
    #[command(flatten)]
    batches: BatchesFolder,
    #[command(flatten)]
    cluster: OnCluster,
}

impl Evaluate {
    pub(crate) async fn run(&self, output: Output, stop: &Stop) -> Result<Code, Failure> {
        let (models, batches) = (self.models.open()?, self.batches.open()?);
        let which = asked(self.batch.as_ref(), self.window.as_ref());
        let on = self.on.unwrap_or_default();
        let subject = Subject::find(models, batches, &self.model, which, on).await?;
        // The cluster in this process has to outlive its work.
        let (cluster, _embedded) = self.cluster.connect().await?;
        let progress = Progress::default();
        let bar = draw(&progress, "fits");
        let evaluation = subject
            .evaluate(&cluster, self.k.clone(), &progress, &stop.token)
            .await;
        drop(bar);
        let evaluation = evaluation?;
        match output {
            Output::Json => print_json(&evaluation)?,
            Output::Text => print(&text(&evaluation))?,
        }
        let failed = evaluation.elbow.iter().any(|point| point.reason.is_some());
        Ok(if failed {
            Code::SomeModelsFailed
        } else {
            Code::Done
        })
    }
}

fn text(evaluation: &Evaluation) -> String {
    let mut text = format!("model {}", evaluation.model);
    match (evaluation.batch, &evaluation.window) {
        (Some(batch), _) => text.push_str(&format!(", batch {batch}")),
        (None, Some(window)) => text.push_str(&format!(", window {window:?}")),
        (None, None) => text.push_str(" over everything"),
    }
    let rows = count(evaluation.rows);
    let on = match evaluation.on.as_slice() {
        [one] => format!("batch {one}"),
        [first, .., last] => format!("batches {first} to {last}"),
        [] => "no batch".to_owned(),
    };
    text.push_str(&format!(", on {rows} rows of {on}"));
    if evaluation.dropped > 0 {
        let dropped = count(evaluation.dropped);
        text.push_str(&format!("; {dropped} rows have a null or NaN"));
    }
    let silhouette = match evaluation.silhouette {
        Some(_) => number(evaluation.silhouette),
        None => "none, it takes two clusters with rows".to_owned(),
    };
    text.push_str(&format!(
        "\ncost {}, silhouette {silhouette} ({} distance)\n",
        number(Some(evaluation.cost)),
        evaluation.distance_measure
    ));
    let mut clusters = table(["cluster", "rows", "cost", "silhouette", "center"]);
    for of in &evaluation.clusters {
        let center: Vec<String> = of.center.iter().map(f64::to_string).collect();
        clusters.add_row([
            of.cluster.to_string(),
            count(of.rows),
            number(Some(of.cost)),
            number(of.silhouette),
            center.join(", "),
        ]);
    }
    text.push_str(&clusters.to_string());
    if !evaluation.elbow.is_empty() {
        let mut elbow = table(["k", "clusters", "iterations", "cost", "silhouette"]);
        for point in &evaluation.elbow {
            elbow.add_row([
                point.k.to_string(),
                point.clusters.to_string(),
                point.iterations.to_string(),
                number(point.cost),
                number(point.silhouette),
            ]);
        }
        text.push_str(&format!("\n\n{elbow}"));
    }
    let failed = evaluation.elbow.iter();
    for (k, reason) in failed.filter_map(|point| Some((point.k, point.reason.as_ref()?))) {
        text.push_str(&format!("\nfailed: k = {k}: {reason}"));
    }
    text
}

/// Six digits tell all that a comparison needs; JSON has the others.
fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.6}"))
}

/// The folder that --batch or --window names.
pub(crate) fn asked(batch: Option<&Which>, window: Option<&WindowKey>) -> Which {
    match (batch, window) {
        (Some(batch), _) => batch.clone(),
        (None, Some(key)) => Which::Window(key.clone()),
        (None, None) => Which::Latest,
    }
}

/// `3` or `all`.
pub(crate) fn which(text: &str) -> Result<Which, String> {
    match text {
        "all" => Ok(Which::All),
        number => Ok(Which::Batch(batch(number)?)),
    }
}

/// `3`, `3..7`, `newest` or `all`.
fn on(text: &str) -> Result<On, String> {
    match text {
        "all" => return Ok(On::All),
        "newest" => return Ok(On::Newest),
        _ => {}
    }
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (batch(first)?, batch(last)?);
    if first > last {
        return Err(format!(
            "{first} is after {last}; write the first batch first"
        ));
    }
    Ok(On::Batches { first, last })
}

fn batch(text: &str) -> Result<BatchNumber, String> {
    text.parse()
        .map_err(|error: gugus_spec::NotABatchNumber| error.to_string())
}

/// `2..10` or `7`.
fn numbers(text: &str) -> Result<RangeInclusive<usize>, String> {
    let wrong = || {
        format!(
            "{text:?} is no range of numbers of clusters from 2; write for example 2..10, both included"
        )
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
    let (first, last) = (number(first)?, number(last)?);
    if first < 2 || first > last {
        return Err(wrong());
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!(numbers("2..10"), Ok(2..=10));
        assert_eq!(numbers("3"), Ok(3..=3));
        for wrong in ["0..3", "1", "4..2", "", "..", "a..b", "2..=4"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn batches_are_named_in_four_ways() {
        let number = |n| BatchNumber::new(n).unwrap();
        let these = |first, last| On::Batches {
            first: number(first),
            last: number(last),
        };
        assert_eq!(on("3"), Ok(these(3, 3)));
        assert_eq!(on("3..7"), Ok(these(3, 7)));
        assert_eq!((on("all"), on("newest")), (Ok(On::All), Ok(On::Newest)));
        assert_eq!(which("all"), Ok(Which::All));
        assert_eq!(which("12"), Ok(Which::Batch(number(12))));
        for wrong in ["0", "7..3", "latest", "3..", "-1"] {
            assert!(on(wrong).is_err() && which(wrong).is_err(), "{wrong}");
        }
    }
}

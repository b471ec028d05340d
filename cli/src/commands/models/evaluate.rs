//! `gugus models evaluate`.

use std::ops::RangeInclusive;

use clap::Args;
use gugus_evaluate::{Evaluation, On, Subject};
use gugus_files::Stores;
use gugus_progress::Progress;
use gugus_spec::{BatchNumber, NotABatchNumber};

use crate::exit::{Code, Failure};
use crate::flags::cluster::OnCluster;
use crate::flags::folders::{BatchesFolder, ModelsFolder};
use crate::flags::model::ChosenModel;
use crate::output::progress::draw;
use crate::output::{Output, count, table};
use crate::signals::Stop;

/// Say how good a model is: its cost, the sizes of its clusters, and the silhouette of Spark's ClusteringEvaluator
///
/// The command evaluates the model on the rows that it was trained on, with the features, `where` and weights that were
/// saved with it. With --k it also fits other numbers of clusters to the same rows, to show at which number more
/// clusters stop helping. Nothing is saved. Without --scheduler a cluster is started within this process.
///
/// Example: gugus models evaluate location --batch 1 --k 2..10
///
/// Next: change `k` in the job file, then `gugus train --retrain`.
#[derive(Debug, Args)]
pub(super) struct Evaluate {
    #[command(flatten)]
    chosen: ChosenModel,
    /// Evaluate the model on the rows of these batches instead of its own
    #[arg(long, value_name = "N|N..M|newest|all", value_parser = on)]
    on: Option<On>,
    /// Numbers of clusters to compare with, both ends included
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
    pub(super) async fn run(self, output: Output, stop: &Stop) -> Result<Code, Failure> {
        let stores = Stores::from_env();
        let models = self.models.open(&stores)?;
        let batches = self.batches.open(&stores)?;
        let cluster = self.cluster.load()?;
        let on = self.on.unwrap_or_default();
        let subject =
            Subject::find(models, batches, &self.chosen.model, self.chosen.which(), on).await?;
        let connected = cluster.connect(&stores, &stop.token).await?;
        let progress = Progress::default();
        let bar = draw(&progress, "fits");
        let evaluating = subject.evaluate(&connected.cluster, self.k, &progress, &stop.token);
        let evaluation = connected.outlive(evaluating).await;
        drop(bar);
        let evaluation = evaluation??;
        output.show(&evaluation, || text(&evaluation))?;
        let failed = evaluation
            .elbow
            .iter()
            .filter(|point| point.reason.is_some());
        Ok(Code::of_models(failed.count() as u64))
    }
}

fn text(evaluation: &Evaluation) -> String {
    let mut text = format!("model {}", evaluation.model);
    match (evaluation.batch, &evaluation.window) {
        (Some(batch), _) => text.push_str(&format!(", batch {batch}")),
        (None, Some(window)) => text.push_str(&format!(", window {window:?}")),
        (None, None) => text.push_str(" over all batches"),
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

/// Six digits, which are enough for a comparison; JSON has all of them.
fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.6}"))
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
        .map_err(|error: NotABatchNumber| error.to_string())
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
        for wrong in ["0", "7..3", "latest", "3..", "-1"] {
            assert!(on(wrong).is_err(), "{wrong}");
        }
    }
}

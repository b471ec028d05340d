//! The operators of a stage's plan with what its tasks counted.
//!
//! Executors send the figures of a task without names of operators: one set for each operator that counts, from the last
//! operator to the first. The scheduler has the same plan, so walking it in the same order gives each set its operator.

use ballista_core::utils::collect_plan_metrics;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use gugus_pages::job::{Figure, Operator};

/// The most characters of an operator's description: a scan names its files.
const TEXT: usize = 400;

/// The most operators of a plan that are kept.
const OPERATORS: usize = 500;

/// The most figures of an operator that are kept. A scan of Parquet counts 45.
const FIGURES: usize = 12;

/// The operators of a plan, from the last to the first.
pub(super) fn operators(plan: &dyn ExecutionPlan, metrics: &[MetricsSet]) -> Vec<Operator> {
    let fits = collect_plan_metrics(plan).len() == metrics.len();
    let mut metrics = if fits { metrics } else { &[] }.iter();
    let mut all = Vec::new();
    walk(plan, 0, &mut metrics, &mut all);
    all
}

fn walk<'a>(
    plan: &dyn ExecutionPlan,
    depth: u64,
    metrics: &mut impl Iterator<Item = &'a MetricsSet>,
    all: &mut Vec<Operator>,
) {
    if all.len() >= OPERATORS {
        return;
    }
    let counted = plan.metrics().and_then(|_| metrics.next());
    let text = displayable(plan).one_line().to_string();
    all.push(Operator {
        depth,
        text: gugus_look::shortened(text.trim(), TEXT),
        figures: counted.map(figures).unwrap_or_default(),
    });
    for child in plan.children() {
        walk(child.as_ref(), depth + 1, metrics, all);
    }
}

fn figures(metrics: &MetricsSet) -> Vec<Figure> {
    let together = metrics.aggregate_by_name().sorted_for_display();
    let telling = together
        .iter()
        .map(|metric| metric.value())
        .filter(|value| !is_moment(value) && value.as_usize() > 0);
    telling
        .take(FIGURES)
        .map(|value| Figure {
            name: value.name().to_owned(),
            value: match value {
                MetricValue::OutputRows(_) | MetricValue::Count { .. } => {
                    gugus_look::count(value.as_usize() as u64)
                }
                other => other.to_string(),
            },
        })
        .collect()
}

fn is_moment(value: &MetricValue) -> bool {
    matches!(
        value,
        MetricValue::StartTimestamp(_) | MetricValue::EndTimestamp(_)
    )
}

/// How many rows the tasks of some groups read: what the leaves of the plan gave, or else the lowest operator that counts.
pub(super) fn rows_read(metrics: &[MetricsSet], leaves: &[usize], groups: &[usize]) -> Option<u64> {
    let gave = |set: &MetricsSet| -> u64 {
        let of_task = set.iter().filter(|metric| {
            matches!(metric.value(), MetricValue::OutputRows(_))
                && metric
                    .partition()
                    .is_some_and(|group| groups.contains(&group))
        });
        of_task.map(|metric| metric.value().as_usize() as u64).sum()
    };
    let leaves = leaves.iter().filter_map(|leaf| metrics.get(*leaf));
    match leaves.map(gave).sum::<u64>() {
        // The first set is of the writer, which gives results.
        0 => metrics
            .iter()
            .skip(1)
            .rev()
            .map(gave)
            .find(|rows| *rows > 0),
        rows => Some(rows),
    }
}

/// The places of the leaves among the sets of figures.
pub(super) fn leaves(plan: &dyn ExecutionPlan) -> Vec<usize> {
    fn walk(plan: &dyn ExecutionPlan, place: &mut usize, leaves: &mut Vec<usize>) {
        if plan.metrics().is_some() {
            if plan.children().is_empty() {
                leaves.push(*place);
            }
            *place += 1;
        }
        for child in plan.children() {
            walk(child.as_ref(), place, leaves);
        }
    }
    let (mut place, mut found) = (0, Vec::new());
    walk(plan, &mut place, &mut found);
    found
}

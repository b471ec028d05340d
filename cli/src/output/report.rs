//! The report of a training, as `train`, `demo`, `submit` and `runs` print it.

use gugus_train::{Outcome, Report};

use crate::exit::{Code, Failure};
use crate::output::{Output, count, table};

/// The most failed batches that the summary names; the JSON document has all of them.
const FAILURES_SHOWN: usize = 20;

/// Prints a report and returns the exit code that it means.
pub(crate) fn show(report: &Report, output: Output) -> Result<Code, Failure> {
    output.show(report, || summary(report))?;
    Ok(Code::of_models(report.failed))
}

/// One line per model, then the failed batches.
pub(crate) fn summary(report: &Report) -> String {
    let mut table = table([
        "model",
        "trained",
        "failed",
        "skipped",
        "rows",
        "iterations",
        "training cost",
    ]);
    let mut names: Vec<&str> = report.models.iter().map(|m| m.model.as_str()).collect();
    names.dedup();
    for name in names {
        let lines = || report.models.iter().filter(move |m| m.model == name);
        let of = |status: Outcome| count(lines().filter(|m| m.status == status).count() as u64);
        let trained = || lines().filter(|m| m.status == Outcome::Trained);
        let rows: u64 = trained().map(|m| m.rows).sum();
        let iterations: u64 = trained().filter_map(|m| m.iterations).map(u64::from).sum();
        // Otherwise an empty sum is -0.
        let cost: f64 = trained().filter_map(|m| m.training_cost).sum::<f64>() + 0.0;
        table.add_row([
            name.to_owned(),
            of(Outcome::Trained),
            of(Outcome::Failed),
            of(Outcome::Skipped),
            count(rows),
            count(iterations),
            format!("{cost:.6}"),
        ]);
    }
    let mut text = table.to_string();
    if report.planned > 0 {
        text.push_str(&format!(
            "\nwould train {} models, nothing was done",
            count(report.planned)
        ));
    } else {
        let all = (
            count(report.trained),
            count(report.failed),
            count(report.skipped),
        );
        text.push_str(&format!(
            "\n{} trained, {} failed, {} skipped in {:.2} s",
            all.0, all.1, all.2, report.seconds
        ));
    }
    let failed: Vec<_> = report
        .models
        .iter()
        .filter(|m| m.status == Outcome::Failed)
        .collect();
    for model in failed.iter().take(FAILURES_SHOWN) {
        let reason = model.reason.as_deref().unwrap_or("no reason is known");
        text.push_str(&format!(
            "\nfailed: {} {}: {reason}",
            model.model,
            model.data()
        ));
    }
    if failed.len() > FAILURES_SHOWN {
        text.push_str(&format!(
            "\n… and {} more; --output json names all",
            failed.len() - FAILURES_SHOWN
        ));
    }
    text
}

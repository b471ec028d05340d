//! Runs of a scheduler, as `submit` and `runs` print them.

use gugus_scheduler::{Run, RunDetail, RunState, follows};

use crate::exit::Failure;
use crate::output::report::summary;
use crate::output::{Output, count};

/// Prints describe about one run.
pub(crate) fn show(detail: &RunDetail, output: Output) -> Result<(), Failure> {
    output.show(detail, || describe(detail))
}

fn describe(detail: &RunDetail) -> String {
    let run = &detail.run;
    let mut text = says(run);
    if let Some(follows) = follows(run) {
        text.push_str(&format!(
            ", {follows}\n{} trained, {} failed",
            count(run.trained),
            count(run.failed)
        ));
    } else if !run.state.is_final() && run.progress.total > 0 {
        let at = format!(", {} models {}", far(&run.progress), run.progress.message);
        text.push_str(at.trim_end());
    }
    if let Some(why) = &run.failure {
        text.push_str(&format!(": {why}"));
    }
    text.push_str(&format!(
        "\njob {}\nbatches {}\nmodels {}",
        run.job, run.batches, run.models
    ));
    let times = [
        ("submitted", Some(&run.submitted)),
        ("started", run.started.as_ref()),
        ("ended", run.ended.as_ref()),
    ];
    for (what, time) in times {
        if let Some(time) = time {
            text.push_str(&format!("\n{what} {time}"));
        }
    }
    if run.attempts > 1 {
        text.push_str(&format!("\nattempt {}", run.attempts));
    }
    for job in &run.ballista_jobs {
        text.push_str(&format!(
            "\nBallista job {} {}: {}",
            job.id, job.state, job.name
        ));
    }
    if let Some(report) = &detail.report {
        text.push_str(&format!("\n{}", summary(report)));
    }
    text
}

/// Prints the state of one run.
pub(crate) fn tell(run: &Run, output: Output) -> Result<(), Failure> {
    output.show(run, || says(run))
}

fn says(run: &Run) -> String {
    match run.state {
        RunState::Failed => format!("run {} failed", run.id),
        state => format!("run {} is {state}", run.id),
    }
}

pub(crate) fn far(progress: &gugus_progress::Standing) -> String {
    if progress.total == 0 {
        return "-".to_owned();
    }
    format!("{} of {}", count(progress.done), count(progress.total))
}

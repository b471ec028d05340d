//! `gugus runs`.

use std::io::Write;
use std::time::Duration;

use clap::{Args, Subcommand};
use gugus_progress::Standing;
use gugus_scheduler::{Run, RunDetail, RunId, RunList, RunState};
use serde_json::json;

use crate::commands::scheduled::{Asked, Scheduled, code, left};
use crate::commands::train::summary;
use crate::exit::{Code, Failure};
use crate::output::{Output, count, print, print_json, table};
use crate::signals::Stop;

/// Between two looks at a log that is followed.
const LOOK: Duration = Duration::from_millis(300);

/// Look at a scheduler's runs, cancel and resume them
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List runs, the newest first
    List {
        #[command(flatten)]
        asked: Asked,
    },
    /// Print one run: what it does, how far it is, what became of its models
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Print what one run logged
    Logs {
        #[command(flatten)]
        which: Which,
        /// Go on until the run has ended
        #[arg(long)]
        follow: bool,
    },
    /// Stop one run; models that are written stay
    Cancel {
        #[command(flatten)]
        which: Which,
    },
    /// Go on with a run that failed, was cancelled, or was interrupted by the scheduler's end
    ///
    /// A batch that has its model is not trained again.
    Resume {
        #[command(flatten)]
        which: Which,
        /// Wait until the run has ended, and end with the exit code that `gugus train` would have
        #[arg(long)]
        wait: bool,
    },
}

/// One run of one scheduler.
#[derive(Debug, Args)]
struct Which {
    /// The run's id
    #[arg(value_name = "RUN")]
    id: RunId,
    #[command(flatten)]
    asked: Asked,
}

impl Runs {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let output = self.output;
        match self.what {
            What::List { asked } => list(&asked.connect().await?, output).await,
            What::Show { which } => {
                let detail = which.asked.connect().await?.run(&which.id).await?;
                show(&detail, output)?;
                Ok(Code::Done)
            }
            What::Logs { which, follow } => {
                let scheduler = which.asked.connect().await?;
                match (output, follow) {
                    (Output::Text, _) => logs(&scheduler, &which.id, follow.then_some(&stop)).await,
                    (Output::Json, false) => logs_as_json(&scheduler, &which.id).await,
                    (Output::Json, true) => Err(Failure::usage(
                        "--output json prints one document, --follow has no end; leave one of them out",
                    )),
                }
            }
            What::Cancel { which } => {
                let scheduler = which.asked.connect().await?;
                let _: Run = scheduler
                    .post(&format!("/{}/cancel", which.id), &json!({}))
                    .await?;
                // What is under way is broken off first, which takes a moment.
                let ended = scheduler.ended(&which.id, &stop).await?;
                tell(&ended.run, output)?;
                Ok(Code::Done)
            }
            What::Resume { which, wait } => {
                let scheduler = which.asked.connect().await?;
                let path = format!("/{}/resume", which.id);
                let run: Run = scheduler.post(&path, &json!({})).await?;
                if !wait {
                    tell(&run, output)?;
                    return Ok(Code::Done);
                }
                let ended = scheduler.ended(&which.id, &stop).await?;
                show(&ended, output)?;
                code(&ended.run)
            }
        }
    }
}

async fn list(scheduler: &Scheduled, output: Output) -> Result<Code, Failure> {
    let listed: RunList = scheduler.get("").await?;
    if output == Output::Json {
        print_json(&listed)?;
        return Ok(Code::Done);
    }
    let mut table = table([
        "run",
        "state",
        "job",
        "progress",
        "trained",
        "failed",
        "skipped",
        "submitted",
    ]);
    for run in &listed.runs {
        table.add_row([
            run.id.to_string(),
            run.state.to_string(),
            run.job.clone(),
            far(&run.progress),
            count(run.trained),
            count(run.failed),
            count(run.skipped),
            run.submitted.clone(),
        ]);
    }
    print(&table.to_string())?;
    Ok(Code::Done)
}

/// Prints everything about one run.
pub(crate) fn show(detail: &RunDetail, output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return print_json(detail);
    }
    let run = &detail.run;
    let mut text = says(run);
    if !run.state.is_final() && run.progress.total > 0 {
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
    print(&text)
}

/// Prints what one run does.
fn tell(run: &Run, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => print_json(run),
        Output::Text => print(&says(run)),
    }
}

fn says(run: &Run) -> String {
    match run.state {
        RunState::Failed => format!("run {} failed", run.id),
        state => format!("run {} is {state}", run.id),
    }
}

fn far(progress: &Standing) -> String {
    if progress.total == 0 {
        return "-".to_owned();
    }
    format!("{} of {}", count(progress.done), count(progress.total))
}

/// Prints the log as it is, or, with `follow`, until the run has ended.
async fn logs(scheduler: &Scheduled, id: &RunId, follow: Option<&Stop>) -> Result<Code, Failure> {
    let mut from = 0;
    loop {
        // Asked before the log: what it says after its end is in what is read then.
        let ended = match follow {
            Some(_) => scheduler.run(id).await?.run.state.is_final(),
            None => true,
        };
        loop {
            let part = scheduler.log(id, from).await?;
            if part.is_empty() {
                break;
            }
            from += part.len() as u64;
            let mut out = std::io::stdout().lock();
            // A reader that has gone away (`| head`) has what it wants.
            if out.write_all(&part).and_then(|()| out.flush()).is_err() {
                return Ok(Code::Done);
            }
        }
        match follow {
            Some(stop) if !ended => tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.token.cancelled() => return Err(left(id)),
            },
            _ => return Ok(Code::Done),
        }
    }
}

async fn logs_as_json(scheduler: &Scheduled, id: &RunId) -> Result<Code, Failure> {
    let mut log = Vec::new();
    loop {
        let part = scheduler.log(id, log.len() as u64).await?;
        if part.is_empty() {
            break;
        }
        log.extend(part);
    }
    print_json(&json!({ "id": id, "log": String::from_utf8_lossy(&log) }))?;
    Ok(Code::Done)
}

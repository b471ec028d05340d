//! `gugus runs logs`.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use gugus_scheduler::RunId;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::output::{Output, print_json};
use crate::scheduled::{OneRun, Scheduled, heard, left};
use crate::signals::Stop;

/// The time between two requests for more of a log.
const LOOK: Duration = Duration::from_millis(300);

/// Print the log of one run
///
/// Example: gugus runs logs mabc12de3 --follow --scheduler df://127.0.0.1:50050
///
/// Next: `gugus runs show RUN` prints how far the run is.
#[derive(Debug, Args)]
pub(super) struct Logs {
    #[command(flatten)]
    run: OneRun,
    /// Go on until the run has ended
    #[arg(long)]
    follow: bool,
}

impl Logs {
    pub(super) async fn run(self, stop: Stop, output: Output) -> Result<Code, Failure> {
        let scheduler = heard(&stop.token, self.run.scheduler.connect()).await?;
        let id = &self.run.id;
        match (output, self.follow) {
            (Output::Text, true) => follow(&scheduler, id, &stop).await,
            (Output::Text, false) => heard(&stop.token, logs(&scheduler, id)).await,
            (Output::Json, false) => heard(&stop.token, logs_as_json(&scheduler, id)).await,
            (Output::Json, true) => Err(Failure::usage(
                "--output json prints one document, --follow has no end; leave one of them out",
            )),
        }
    }
}

/// Prints the log up to now.
async fn logs(scheduler: &Scheduled, id: &RunId) -> Result<Code, Failure> {
    let mut from = 0;
    loop {
        let part = scheduler.log(id, &mut from).await?;
        if part.is_empty() || !is_taken(&part) {
            return Ok(Code::Done);
        }
    }
}

/// Prints the log until the run has ended. A scheduler that is away is waited for, because the run and its log outlive it.
async fn follow(scheduler: &Scheduled, id: &RunId, stop: &Stop) -> Result<Code, Failure> {
    let mut from = 0;
    loop {
        // Asked before the log: what it says after its end is in what is read then.
        let Some(detail) = scheduler.awaited_run(id, stop).await? else {
            return Err(left(id));
        };
        loop {
            let Some(part) = scheduler.awaited_log(id, &mut from, stop).await? else {
                return Err(left(id));
            };
            if part.is_empty() {
                break;
            }
            if !is_taken(&part) {
                return Ok(Code::Done);
            }
        }
        if detail.run.state.is_final() {
            return Ok(Code::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.token.cancelled() => return Err(left(id)),
        }
    }
}

/// Prints a part of a log. False if the reader has gone away (`| head`), because the reader has what it wants.
fn is_taken(part: &[u8]) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(part).and_then(|()| out.flush()).is_ok()
}

async fn logs_as_json(scheduler: &Scheduled, id: &RunId) -> Result<Code, Failure> {
    let (mut log, mut from) = (Vec::new(), 0);
    loop {
        let part = scheduler.log(id, &mut from).await?;
        if part.is_empty() {
            break;
        }
        log.extend(part);
    }
    print_json(&json!({ "id": id, "log": String::from_utf8_lossy(&log) }))?;
    Ok(Code::Done)
}

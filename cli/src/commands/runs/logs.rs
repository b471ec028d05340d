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
        let scheduler = heard(&stop, self.run.scheduler.connect()).await?;
        let id = &self.run.id;
        match (output, self.follow) {
            (Output::Text, true) => {
                let printed = stop.token.run_until_cancelled(logs(&scheduler, id, true));
                printed.await.unwrap_or_else(|| Err(left(id)))
            }
            (Output::Text, false) => heard(&stop, logs(&scheduler, id, false)).await,
            (Output::Json, false) => heard(&stop, logs_as_json(&scheduler, id)).await,
            (Output::Json, true) => Err(Failure::usage(
                "--output json prints one document, --follow has no end; leave one of them out",
            )),
        }
    }
}

/// Prints the log up to now or, with `follow`, until the run has ended.
async fn logs(scheduler: &Scheduled, id: &RunId, follow: bool) -> Result<Code, Failure> {
    let mut from = 0;
    loop {
        // Asked before the log: what it says after its end is in what is read then.
        let ended = !follow || scheduler.run(id).await?.run.state.is_final();
        loop {
            let part = scheduler.log(id, &mut from).await?;
            if part.is_empty() {
                break;
            }
            let mut out = std::io::stdout().lock();
            // A reader that has gone away (`| head`) has what it wants.
            if out.write_all(&part).and_then(|()| out.flush()).is_err() {
                return Ok(Code::Done);
            }
        }
        if ended {
            return Ok(Code::Done);
        }
        tokio::time::sleep(LOOK).await;
    }
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

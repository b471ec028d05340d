//! The client of a scheduler that drives runs, for `gugus submit` and `gugus runs`.

use std::time::{Duration, Instant};

use clap::Args;
use gugus_engine::{Access, AccessError, Answer, ClusterUrl, Rest};
use gugus_error::Kind;
use gugus_scheduler::{RUNS_PATH, Run, RunDetail, RunId, RunState};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::exit::{Code, Failure};
use crate::flags::security::ClusterSecurity;
use crate::output::progress::progress;
use crate::signals::Stop;

/// The time between two requests for the state of a run while a command waits for the run.
const LOOK: Duration = Duration::from_millis(300);

/// How long one answer about a run may take. A frozen scheduler, or a link that is cut, gives none.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a scheduler may be away while a command waits for the end of a run. `gugus train` waits as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// `--scheduler`, and the proofs for it.
#[derive(Debug, Args)]
pub(crate) struct Scheduler {
    /// The scheduler to ask
    #[arg(
        long,
        value_name = "df://HOST:PORT",
        default_value = "df://127.0.0.1:50050"
    )]
    scheduler: ClusterUrl,
    #[command(flatten)]
    security: ClusterSecurity,
}

impl Scheduler {
    pub(crate) async fn connect(&self) -> Result<Scheduled, Failure> {
        let access = Access {
            url: self.scheduler.clone(),
            security: self.security.load()?,
        };
        let pages = format!("{}://{}", access.security.scheme(), access.url.authority());
        let rest = Rest::connect(access).await.map_err(Failure::failed)?;
        Ok(Scheduled { rest, pages })
    }
}

/// One run of one scheduler.
#[derive(Debug, Args)]
pub(crate) struct OneRun {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub(crate) id: RunId,
    #[command(flatten)]
    pub(crate) scheduler: Scheduler,
}

/// A connection to a scheduler that drives runs.
#[derive(Debug)]
pub(crate) struct Scheduled {
    rest: Rest,
    pages: String,
}

impl Scheduled {
    /// The address of a run's page.
    pub(crate) fn page(&self, id: &RunId) -> String {
        format!("{}/runs/{id}", self.pages)
    }

    /// Reads the document at a path below that of all runs.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.rest.get(&format!("{RUNS_PATH}{path}")).await;
        read(&good(answer)?)
    }

    /// Sends a document to a path below that of all runs.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        document: &impl Serialize,
    ) -> Result<T, Failure> {
        let path = format!("{RUNS_PATH}{path}");
        let answer = self.rest.post(&path, document).await;
        read(&good(answer)?)
    }

    /// Everything about one run.
    pub(crate) async fn run(&self, id: &RunId) -> Result<RunDetail, Failure> {
        self.get(&format!("/{id}")).await
    }

    /// The part of a run's log from a byte on; empty at the end of the log. A log that was cut meanwhile is read from its
    /// beginning, and `from` says so.
    pub(crate) async fn log(&self, id: &RunId, from: &mut u64) -> Result<Vec<u8>, Failure> {
        let ask = |from: u64| format!("{RUNS_PATH}/{id}/log?from={from}");
        let mut answer = self.rest.get(&ask(*from)).await;
        if let Ok(Answer {
            status: StatusCode::RANGE_NOT_SATISFIABLE,
            ..
        }) = &answer
        {
            *from = 0;
            answer = self.rest.get(&ask(0)).await;
        }
        let part = good(answer)?.body.to_vec();
        *from += part.len() as u64;
        Ok(part)
    }

    /// Waits until the run has ended. Ctrl-C ends the waiting, not the run.
    pub(crate) async fn ended(&self, id: &RunId, stop: &Stop) -> Result<RunDetail, Failure> {
        self.until(RunState::is_final, id, stop).await
    }

    /// Waits until the run is not under way: it is paused, or has ended.
    pub(crate) async fn rested(&self, id: &RunId, stop: &Stop) -> Result<RunDetail, Failure> {
        self.until(|state| !state.is_under_way(), id, stop).await
    }

    async fn until(
        &self,
        is_so: impl Fn(RunState) -> bool,
        id: &RunId,
        stop: &Stop,
    ) -> Result<RunDetail, Failure> {
        let bar = progress(Some(0), "models");
        let waited = loop {
            let detail = match self.awaited_run(id, stop).await {
                Ok(Some(detail)) => detail,
                Ok(None) => break Err(left(id)),
                Err(failure) => break Err(failure),
            };
            let at = &detail.run.progress;
            bar.set_length(at.total);
            bar.set_position(at.done);
            bar.set_message(at.message.clone());
            if is_so(detail.run.state) {
                break Ok(detail);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.token.cancelled() => break Err(left(id)),
            }
        };
        bar.finish_and_clear();
        waited
    }

    /// Waits until a standing run has ended, and calls `ready` once the run has looked at what was there. Gives nothing when
    /// this command is told to stop. A scheduler that is away is waited for, because the next one goes on with the run.
    pub(crate) async fn followed(
        &self,
        id: &RunId,
        stop: &Stop,
        ready: impl FnOnce(),
    ) -> Result<Option<RunDetail>, Failure> {
        let mut ready = Some(ready);
        loop {
            let Some(detail) = self.told(id, stop, None).await? else {
                return Ok(None);
            };
            let follow = detail.run.follow.as_ref();
            if follow.is_some_and(|follow| follow.caught_up)
                && let Some(ready) = ready.take()
            {
                ready();
            }
            if detail.run.state.is_final() {
                return Ok(Some(detail));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.token.cancelled() => return Ok(None),
            }
        }
    }

    /// Everything about one run, as [`patiently`] asks for it.
    async fn told(
        &self,
        id: &RunId,
        stop: &Stop,
        patience: Option<Duration>,
    ) -> Result<Option<RunDetail>, Failure> {
        patiently(id, stop, patience, async || self.run(id).await).await
    }

    /// As [`Self::run`], but a scheduler that is away for a while is waited for. Gives nothing when this command is told to
    /// stop.
    pub(crate) async fn awaited_run(
        &self,
        id: &RunId,
        stop: &Stop,
    ) -> Result<Option<RunDetail>, Failure> {
        self.told(id, stop, Some(PATIENCE)).await
    }

    /// As [`Self::log`], but waits as [`Self::awaited_run`] does.
    pub(crate) async fn awaited_log(
        &self,
        id: &RunId,
        from: &mut u64,
        stop: &Stop,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let ask = async || self.log(id, from).await;
        patiently(id, stop, Some(PATIENCE), ask).await
    }
}

/// The answer about one run, asked for again while the scheduler is away, for as long as `patience` says. Gives nothing when
/// this command is told to stop.
async fn patiently<T>(
    id: &RunId,
    stop: &Stop,
    patience: Option<Duration>,
    mut ask: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut away = None;
    loop {
        let asked = tokio::time::timeout(ANSWER, ask());
        let Some(answer) = stop.token.run_until_cancelled(asked).await else {
            return Ok(None);
        };
        let error = match answer {
            Ok(Ok(answer)) => {
                if away.is_some() {
                    tracing::info!(run = %id, "the scheduler answers again");
                }
                return Ok(Some(answer));
            }
            Ok(Err(Failure::Error(Kind::Failed, error))) if !error.is::<Refused>() => error,
            Ok(Err(failure)) => return Err(failure),
            Err(_) => format!("no answer within {ANSWER:?}").into(),
        };
        let since = *away.get_or_insert_with(|| {
            tracing::warn!(run = %id, %error, "the scheduler does not answer; the command waits for it");
            Instant::now()
        });
        if patience.is_some_and(|patience| since.elapsed() >= patience) {
            let id = id.clone();
            return Err(Failure::failed(Gone { id, source: error }));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.token.cancelled() => return Ok(None),
        }
    }
}

/// What the scheduler says, unless this command is told to stop before that.
pub(crate) async fn heard<T>(
    stop: &CancellationToken,
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    heard_or(stop, "run the same command again", asked).await
}

/// As [`heard`], for a command whose user has something else to do next when the command is told to stop.
pub(crate) async fn heard_or<T>(
    stop: &CancellationToken,
    next: &str,
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let answer = stop.run_until_cancelled(asked).await;
    answer.unwrap_or_else(|| {
        Err(Failure::interrupted(format!(
            "stopped before the scheduler answered; {next}"
        )))
    })
}

/// The scheduler ended, or the network broke, while the command waited.
#[derive(Debug, Error)]
#[error(
    "the scheduler stopped answering while run {id} was under way; see `gugus runs show {id}` when it is back"
)]
struct Gone {
    id: RunId,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// The scheduler does not let this command ask. To ask again would not help.
#[derive(Debug, Error)]
#[error("{0}")]
struct Refused(String);

/// The message of a command that was told to stop while a run goes on.
pub(crate) fn left(id: &RunId) -> Failure {
    Failure::interrupted(format!(
        "run {id} goes on at the scheduler; `gugus runs cancel {id}` stops it"
    ))
}

/// The exit code that the end of a run means.
pub(crate) fn code(run: &Run) -> Result<Code, Failure> {
    let why = || run.failure.clone().unwrap_or_default();
    let id = &run.id;
    match (run.state, run.failure_kind) {
        (RunState::Finished, _) => Ok(Code::of_models(run.failed)),
        (RunState::Failed, Some(Kind::Usage)) => Err(Failure::usage(why())),
        (RunState::Failed, _) => Err(Failure::failed(why())),
        (RunState::Interrupted, _) => Err(Failure::failed(format!(
            "run {id} is interrupted: {}; `gugus runs resume {id}` goes on with it",
            why()
        ))),
        (state, _) => Err(Failure::failed(format!("run {id} is {state}"))),
    }
}

/// The document of an answer. A refusal counts as the fault of the request, unless its status says otherwise.
fn good(answer: Result<Answer, AccessError>) -> Result<Answer, Failure> {
    let answer = answer.map_err(Failure::failed)?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    let problem: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let detail = problem
        .as_ref()
        .and_then(|problem| problem["detail"].as_str());
    let said = match detail {
        Some(detail) => detail.to_owned(),
        None => format!("the scheduler answers {}", answer.status),
    };
    Err(match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::failed(Refused(said)),
        status if status.is_client_error() => Failure::usage(said),
        _ => Failure::failed(said),
    })
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(Failure::failed)
}

//! `/`: everything at a glance.

use std::time::Duration;

use gugus_look::{
    Column, Section, Tone, badge, bytes, command, count, done_of, duration, empty, instant,
    plain_table, quantity, shortened,
};
use gugus_progress::Lag;
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::command::{shell_word, submit};
use crate::href;
use crate::page::Page;
use crate::place::Place;
use crate::run::{Following, RunState, behind};

/// The most characters of a failure; the page that its link leads to has all of them.
const SHORT: usize = 300;

/// Everything at a glance.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Overview {
    /// The address for `--scheduler`.
    pub address: String,
    /// Whether the scheduler takes runs.
    pub takes_runs: bool,
    /// One line of the pipeline for each pair of stores that runs have used, the newest first.
    pub pipelines: Vec<Pipeline>,
    /// How many pairs there are.
    pub pipelines_total: u64,
    /// Runs that train, wait, follow or are paused.
    pub running: Vec<Running>,
    /// Ballista jobs that are under way, the newest first.
    pub ballista_jobs: Vec<BallistaRunning>,
    /// What failed lately, the newest first.
    pub failures: Vec<Failure>,
    /// How many runs failed today, or finished without some of their models.
    pub failed_today: u64,
    /// The executors.
    pub executors: Vec<ExecutorLine>,
}

/// From a topic to predictions, for one pair of stores.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pipeline {
    /// The job of the newest run.
    pub job: String,
    /// Where the batches are.
    pub batches: String,
    /// Where the models are.
    pub models: String,
    /// The topic, or imported files.
    pub source: PipelineStep,
    /// Its name.
    pub topic: String,
    /// Whether the records come from imported files.
    pub imports: bool,
    /// The batches.
    pub batch: PipelineStep,
    /// The models.
    pub model: PipelineStep,
}

/// One step of a pipeline.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct PipelineStep {
    /// How many there are; null while that is being found out.
    pub count: Option<u64>,
    /// How many come in an hour, where some came lately.
    pub per_hour: Option<f64>,
    /// The newest one, in words.
    pub newest: Option<String>,
    /// When the newest one came.
    pub at: Option<String>,
    /// What is wrong, in words.
    pub trouble: Option<String>,
}

/// A run that trains, waits, follows or is paused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Running {
    /// Its id.
    pub id: String,
    /// Its job.
    pub job: String,
    /// `running`, `queued`, `following` or `paused`.
    pub state: RunState,
    /// How far a standing run is behind; null for any other run.
    pub follow: Option<Following>,
    /// How many models are done.
    pub done: u64,
    /// Of how many; 0 while that is unknown.
    pub total: u64,
    /// The current work, in words.
    pub message: String,
    /// About how many seconds are left.
    pub seconds_left: Option<u64>,
}

/// A Ballista job that is under way, of a run or of a client.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BallistaRunning {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many of its stages are done.
    pub done: u64,
    /// How many stages it has.
    pub stages: u64,
    /// Seconds since its start.
    pub seconds: u64,
}

/// Something that failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Failure {
    /// What failed, as `run 2026…`.
    pub what: String,
    /// Where its page is.
    pub href: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Option<String>,
}

/// An executor, as a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExecutorLine {
    /// Its id.
    pub id: String,
    /// Its address.
    pub address: String,
    /// How many slots it has.
    pub slots: u32,
    /// How many of them are taken; null where that is unknown.
    pub taken: Option<u32>,
    /// Bytes of memory that its process uses; null where that is unknown.
    pub memory: Option<u64>,
    /// Seconds since its last heartbeat.
    pub silent: u64,
    /// Whether it is given up or about to be.
    pub lost: bool,
}

impl Page for Overview {
    const PLACE: Place = Place::Overview;

    fn title(&self) -> String {
        "Overview".to_owned()
    }

    fn sections(&self) -> Vec<Section> {
        vec![
            Section::live("health", self.health()),
            Section::live("pipeline", self.pipelines()).titled("From records to predictions"),
            Section::live("running", self.running()).titled("Running work"),
            Section::live("failures", self.failures()).titled("Recent failures"),
            Section::live("executors", self.executors()).titled("Executors"),
        ]
    }
}

impl Overview {
    /// The health in one sentence, as `2 executors, 1 run at 40 %, nothing failed today`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let alive = self
            .executors
            .iter()
            .filter(|executor| !executor.lost)
            .count() as u64;
        let lost = self.executors.len() as u64 - alive;
        let mut parts = vec![match alive {
            0 => "no executor".to_owned(),
            some => quantity(some, "executor", "executors"),
        }];
        if lost > 0 {
            parts.push(format!("{} lost", count(lost)));
        }
        let training: Vec<&Running> = self
            .running
            .iter()
            .filter(|run| run.state == RunState::Running)
            .collect();
        let of = |state| self.running.iter().filter(|run| run.state == state).count();
        let (waiting, paused) = (of(RunState::Queued), of(RunState::Paused));
        let standing = self.standing();
        parts.push(match training.as_slice() {
            [] if standing.is_some() => String::new(),
            [] => "no run is under way".to_owned(),
            [only] if only.total > 0 => format!("1 run at {} %", percent(only.done, only.total)),
            [_] => "1 run begins".to_owned(),
            several => format!("{} runs are under way", several.len()),
        });
        parts.extend(standing);
        for (runs, what) in [(waiting, "waiting"), (paused, "paused")] {
            if runs > 0 {
                parts.push(format!("{runs} {what}"));
            }
        }
        parts.push(match self.failed_today {
            0 => "nothing failed today".to_owned(),
            some => format!("{} with failures today", quantity(some, "run", "runs")),
        });
        parts.retain(|part| !part.is_empty());
        parts.join(", ")
    }

    /// How many runs follow and how far they are behind, in words.
    fn standing(&self) -> Option<String> {
        let all = self.running.iter();
        let following = all.filter(|run| run.state == RunState::Following);
        let lags: Vec<&Following> = following.filter_map(|run| run.follow.as_ref()).collect();
        let most = lags.iter().map(|of| of.lag.seconds).fold(0.0, f64::max);
        let together = Lag {
            batches: lags.iter().map(|of| of.lag.batches).sum(),
            seconds: most,
        };
        let runs = match lags.len() {
            0 => return None,
            1 => "1 run follows".to_owned(),
            several => format!("{several} runs follow"),
        };
        Some(format!("{runs} with {}", behind(together)))
    }

    /// Whether a run trains or waits for its turn, or a standing run is behind.
    fn is_working(&self) -> bool {
        self.running.iter().any(|run| match &run.follow {
            Some(follow) => run.state != RunState::Paused && follow.lag.batches > 0,
            None => true,
        })
    }

    fn health(&self) -> Markup {
        let lost = self.executors.iter().any(|executor| executor.lost);
        let (tone, word) = if self.executors.iter().all(|executor| executor.lost) {
            (Tone::Bad, "needs an executor")
        } else if lost || self.failed_today > 0 {
            (Tone::Warning, "look at it")
        } else if !self.is_working() {
            (Tone::Good, "ready")
        } else {
            (Tone::Busy, "working")
        };
        html! {
            p.health { (badge(tone, word)) " " (self.sentence()) }
            @if self.takes_runs { p.actions { a.button.first href="/submit" { "Submit a run" } } }
        }
    }

    fn pipelines(&self) -> Markup {
        if self.pipelines.is_empty() {
            let next = submit(None, Some(&self.address));
            return html! {
                (empty("No run has used any batches yet. Ingest or import batches, then submit a run that makes models of them:", Some(&next)))
                @if self.takes_runs { p.quiet { "Or use the page: " a href="/submit" { "Submit" } "." } }
            };
        }
        html! {
            @for pipeline in &self.pipelines { (pipeline.html()) }
            @if self.pipelines_total > self.pipelines.len() as u64 {
                p.quiet { "… and " (count(self.pipelines_total - self.pipelines.len() as u64)) " older pairs of folders: see " a href="/batches" { "batches" } " and " a href="/models" { "models" } "." }
            }
        }
    }

    fn running(&self) -> Markup {
        html! {
            @if self.running.is_empty() && self.ballista_jobs.is_empty() { p.quiet { "No run trains or waits, and no client computes." } }
            @if !self.running.is_empty() { (self.runs()) }
            @if !self.ballista_jobs.is_empty() { h3 { "Ballista jobs" } (self.ballista()) }
        }
    }

    fn ballista(&self) -> Markup {
        let columns = [
            Column::text("Ballista job"),
            Column::text("Name"),
            Column::numbers("Stages done"),
            Column::numbers("For"),
        ];
        let rows: Vec<Vec<Markup>> = self
            .ballista_jobs
            .iter()
            .map(|job| {
                vec![
                    html! { a href=(href::job(&job.id)) { code { (job.id) } } },
                    html! { (shortened(&job.name, SHORT)) },
                    html! { (job.done) " of " (job.stages) },
                    html! { (duration(Duration::from_secs(job.seconds))) },
                ]
            })
            .collect();
        plain_table("Ballista jobs", &columns, &rows)
    }

    fn runs(&self) -> Markup {
        let columns = [
            Column::text("Run"),
            Column::text("State"),
            Column::text("Job"),
            Column::text("Progress"),
            Column::numbers("Time left"),
        ];
        let rows: Vec<Vec<Markup>> = self
            .running
            .iter()
            .map(|run| {
                let busy = matches!(run.state, RunState::Running | RunState::Following);
                let tone = if busy { Tone::Busy } else { Tone::Quiet };
                vec![
                    html! { a href=(href::run(&run.id)) { code { (run.id) } } },
                    badge(tone, run.state.word()),
                    html! { (run.job) },
                    html! {
                        @if run.total > 0 { (done_of(run.done, run.total, "progress of the run")) " " }
                        span.quiet { (run.message) }
                    },
                    html! { @if let Some(left) = run.seconds_left { "about " (duration(Duration::from_secs(left))) } },
                ]
            })
            .collect();
        plain_table("Running work", &columns, &rows)
    }

    fn failures(&self) -> Markup {
        if self.failures.is_empty() {
            return html! { p { (badge(Tone::Good, "none")) " Nothing has failed that this scheduler remembers." } };
        }
        html! { ul { @for failure in &self.failures { li {
            (badge(Tone::Bad, "failed")) " " a href=(failure.href) { (failure.what) }
            @if let Some(at) = &failure.at { ", " (instant(at)) }
            ": " span.reason { (shortened(&failure.why, SHORT)) }
        } } } }
    }

    fn executors(&self) -> Markup {
        if self.executors.is_empty() {
            return empty(
                "None has registered, so nothing can be computed. Start one:",
                Some(&format!("gugus executor --scheduler {}", self.address)),
            );
        }
        let columns = [
            Column::text("Executor"),
            Column::text("State"),
            Column::numbers("Slots taken"),
            Column::numbers("Memory"),
            Column::numbers("Last heartbeat"),
        ];
        let rows: Vec<Vec<Markup>> = self
            .executors
            .iter()
            .map(|executor| {
                let state = match executor.lost {
                    true => badge(Tone::Bad, "lost"),
                    false => badge(Tone::Good, "alive"),
                };
                vec![
                    html! { a href=(href::executor(&executor.id)) { (executor.address) } },
                    state,
                    html! { @if let Some(taken) = executor.taken { (taken) " of " } (executor.slots) },
                    html! { @match executor.memory { Some(memory) => (bytes(memory)), None => { span.quiet { "unknown" } } } },
                    html! { (count(executor.silent)) " s ago" },
                ]
            })
            .collect();
        plain_table("Executors", &columns, &rows)
    }
}

impl Pipeline {
    fn html(&self) -> Markup {
        let (batches, models) = (href::batches(&self.batches), href::models(&self.models));
        html! {
            h3 { "Job " (self.job) }
            ol.pipeline {
                li {
                    h3 { @if self.imports { "Imported files" } @else { "Topic" } }
                    (self.source.html("record", "records", None))
                    p { (self.topic) }
                }
                li {
                    h3 { "Batches" }
                    (self.batch.html("batch", "batches", Some(&batches)))
                    p.quiet { (self.batches) }
                }
                li {
                    h3 { "Models" }
                    (self.model.html("model", "models", Some(&models)))
                    p.quiet { (self.models) }
                }
                li {
                    h3 { "Predictions" }
                    p { "The scheduler does not see predictions: " code { "serve" } " answers them." }
                    p { (command(&format!("gugus serve --models {}", shell_word(&self.models)))) }
                }
            }
        }
    }
}

impl PipelineStep {
    fn html(&self, one: &str, many: &str, href: Option<&str>) -> Markup {
        let words = self.count.map(|number| quantity(number, one, many));
        html! {
            p.big { @match (&words, href) {
                (Some(words), Some(href)) => { a href=(href) { (words) } }
                (Some(words), None) => { (words) }
                (None, Some(href)) => { a href=(href) { "unknown" } }
                (None, None) => { "unknown" }
            } }
            @if let Some(trouble) = &self.trouble { p { (badge(Tone::Bad, "cannot be read")) " " (shortened(trouble, SHORT)) } }
            @if let Some(rate) = self.per_hour { p { (rate_of(rate)) " lately" } }
            @if let Some(newest) = &self.newest { p { "newest: " (newest) @if let Some(at) = &self.at { ", " (instant(at)) } } }
        }
    }
}

/// How many come in a time that people think in.
fn rate_of(per_hour: f64) -> String {
    let (number, unit) = if per_hour >= 3600.0 {
        (per_hour / 3600.0, "second")
    } else if per_hour >= 60.0 {
        (per_hour / 60.0, "minute")
    } else {
        (per_hour, "hour")
    };
    if number < 10.0 {
        format!("{number:.1} per {unit}")
    } else {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // a rate is not negative, and saturates
        let whole = number.round() as u64;
        format!("{} per {unit}", count(whole))
    }
}

fn percent(done: u64, total: u64) -> u64 {
    done.min(total) * 100 / total.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{HOSTILE, assert_harmless};

    fn executor(lost: bool) -> ExecutorLine {
        ExecutorLine {
            id: HOSTILE.to_owned(),
            address: HOSTILE.to_owned(),
            slots: 4,
            taken: Some(3),
            memory: Some(1 << 30),
            silent: 1,
            lost,
        }
    }

    fn run(state: RunState, done: u64, total: u64) -> Running {
        Running {
            id: "r1".to_owned(),
            job: HOSTILE.to_owned(),
            state,
            follow: None,
            done,
            total,
            message: HOSTILE.to_owned(),
            seconds_left: Some(75),
        }
    }

    fn busy() -> Overview {
        let stage = |count, newest: &str| PipelineStep {
            count: Some(count),
            per_hour: Some(7200.0),
            newest: Some(newest.to_owned()),
            at: Some("2026-01-02T03:04:05Z".to_owned()),
            trouble: None,
        };
        Overview {
            address: "df://127.0.0.1:50050".to_owned(),
            takes_runs: true,
            pipelines: vec![Pipeline {
                job: HOSTILE.to_owned(),
                batches: format!("/data/{HOSTILE}"),
                models: "/data/m".to_owned(),
                source: stage(12_345, "offset 7"),
                topic: HOSTILE.to_owned(),
                imports: false,
                batch: stage(13, "batch 13"),
                model: PipelineStep {
                    trouble: Some(HOSTILE.to_owned()),
                    count: None,
                    ..PipelineStep::default()
                },
            }],
            pipelines_total: 3,
            running: vec![run(RunState::Running, 40, 100), run(RunState::Queued, 0, 0)],
            ballista_jobs: vec![BallistaRunning {
                id: "j1".to_owned(),
                name: HOSTILE.to_owned(),
                done: 1,
                stages: 3,
                seconds: 4,
            }],
            failures: vec![Failure {
                what: "run r0".to_owned(),
                href: "/runs/r0".to_owned(),
                why: HOSTILE.to_owned(),
                at: None,
            }],
            failed_today: 1,
            executors: vec![executor(false), executor(true)],
        }
    }

    #[test]
    fn health_is_one_sentence() {
        assert_eq!(
            busy().sentence(),
            "1 executor, 1 lost, 1 run at 40 %, 1 waiting, 1 run with failures today"
        );
        let follows = |batches, seconds| Running {
            follow: Some(Following {
                caught_up: true,
                lag: Lag { batches, seconds },
            }),
            ..run(RunState::Following, 0, 0)
        };
        let paused = Running {
            state: RunState::Paused,
            ..follows(9, 9.0)
        };
        let mut standing = Overview {
            executors: vec![executor(false)],
            running: vec![follows(0, 0.0)],
            ..Overview::default()
        };
        let text = crate::render(&standing, "", false);
        assert!(
            text.contains("ready") && text.contains("1 run follows with nothing behind"),
            "{text}"
        );
        standing.running = vec![follows(2, 4.0), follows(1, 75.0), paused];
        assert_eq!(
            standing.sentence(),
            "1 executor, 2 runs follow with 3 batches behind, the oldest for 1 min 15 s, 1 paused, nothing failed today"
        );
        assert!(crate::render(&standing, "", false).contains("working"));
        let calm = Overview {
            executors: vec![executor(false), executor(false)],
            ..Overview::default()
        };
        assert_eq!(
            calm.sentence(),
            "2 executors, no run is under way, nothing failed today"
        );
        assert_eq!(
            Overview::default().sentence(),
            "no executor, no run is under way, nothing failed today"
        );
    }

    #[test]
    fn a_busy_page_tells_everything_and_hostile_text_is_text() {
        let text = crate::render(&busy(), "/gugus/v1/", false);
        for part in [
            "12,345 records",
            "13 batches",
            "2.0 per second",
            "gugus serve --models /data/m",
            "about 1 min 15 s",
            "lost",
            "3 of 4",
            "1.0 GiB",
            "href=\"/submit\"",
            "2 older pairs",
            "1 of 3",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_harmless(&text);
    }

    #[test]
    fn an_empty_page_says_what_to_do_first() {
        let empty = Overview {
            address: "df://127.0.0.1:50050".to_owned(),
            takes_runs: true,
            ..Overview::default()
        };
        let text = crate::render(&empty, "", false).to_lowercase();
        for part in [
            "gugus executor --scheduler df://127.0.0.1:50050",
            "gugus submit --job",
            "batch",
            "model",
            "executor",
            "run",
            ">submit<",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn rates_have_a_unit_that_people_think_in() {
        assert_eq!(
            [3.0, 90.0, 36_000.0, 7.2e6].map(rate_of),
            [
                "3.0 per hour",
                "1.5 per minute",
                "10 per second",
                "2,000 per second"
            ]
        );
    }
}

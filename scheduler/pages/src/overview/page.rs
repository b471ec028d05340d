//! The page, and the health in one sentence.

use gugus_look::{Section, Tone, badge, count, empty, quantity};
use gugus_progress::Lag;
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use super::executors::{ExecutorLine, executors};
use super::pipeline::Pipeline;
use super::work::{BallistaRunning, Failure, Running, ballista_jobs, failures, runs};
use crate::command::submit;
use crate::page::Page;
use crate::place::Place;
use crate::run::{Following, RunState, behind};

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
            Section::live("failures", failures(&self.failures)).titled("Recent failures"),
            Section::live("executors", executors(&self.executors, &self.address))
                .titled("Executors"),
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
            @if !self.running.is_empty() { (runs(&self.running)) }
            @if !self.ballista_jobs.is_empty() { h3 { "Ballista jobs" } (ballista_jobs(&self.ballista_jobs)) }
        }
    }
}

fn percent(done: u64, total: u64) -> u64 {
    done.min(total) * 100 / total.max(1)
}

#[cfg(test)]
mod tests {
    use super::super::pipeline::PipelineStep;
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
}

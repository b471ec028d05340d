//! `/executors` and `/executors/{id}`: who computes, and how each of them is.

use gugus_look::{
    Column, Link, Section, Tone, badge, bytes, count, done_of, fact, plain_table, shortened,
};
pub use gugus_progress::Load;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::href;
use crate::job::{Bar, Row, TaskState, timeline};
use crate::moment::{moment, span};
use crate::page::Page;
use crate::place::Place;

/// The most executors of the page.
const SHOWN: usize = 300;

/// The state of an executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorState {
    /// It takes tasks.
    Ready,
    /// Its last heartbeat is late.
    Stale,
    /// It finishes its tasks and takes no more.
    Leaving,
    /// It was given up: no heartbeat came for seconds.
    Lost,
    /// It said that it would leave, and left.
    Left,
    /// It was there when the scheduler last ended. If it lives, it is back under another id.
    Before,
}

impl ExecutorState {
    fn badge(self) -> Markup {
        match self {
            Self::Ready => badge(Tone::Good, "ready"),
            Self::Stale => badge(Tone::Warning, "stale"),
            Self::Leaving => badge(Tone::Busy, "leaving"),
            Self::Lost => badge(Tone::Bad, "lost"),
            Self::Left => badge(Tone::Quiet, "left"),
            Self::Before => badge(Tone::Quiet, "before the restart"),
        }
    }

    /// Whether it is one of the cluster now.
    #[must_use]
    pub fn is_here(self) -> bool {
        matches!(self, Self::Ready | Self::Stale | Self::Leaving)
    }
}

/// An executor. Times are milliseconds since 1970; a time of 0 has not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Executor {
    /// Its id at the scheduler.
    pub id: String,
    /// Where it is reached.
    pub address: String,
    /// Its state.
    pub state: ExecutorState,
    /// How many tasks it runs at the same time.
    pub slots: u64,
    /// When it came.
    pub since: u64,
    /// Its last heartbeat.
    pub heartbeat: u64,
    /// When it left or was given up.
    pub gone: u64,
    /// What it told with its last heartbeat.
    pub load: Load,
}

impl Executor {
    fn memory(&self) -> Markup {
        let load = &self.load;
        html! {
            @if load.memory_limit > 0 {
                meter min="0" max=(load.memory_limit) value=(load.memory_used) aria-label="Memory of tasks" {}
                " " (bytes(load.memory_used)) " of " (bytes(load.memory_limit))
            } @else { (bytes(load.memory_used)) }
        }
    }

    fn slots(&self) -> Markup {
        if self.state.is_here() {
            done_of(self.load.running, self.slots, "Slots used")
        } else {
            html! { (count(self.slots)) }
        }
    }
}

/// All executors, those that are here first.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ExecutorsPage {
    /// The executors.
    pub executors: Vec<Executor>,
}

impl Page for ExecutorsPage {
    const PLACE: Place = Place::Executors;

    fn title(&self) -> String {
        "Executors".to_owned()
    }

    fn sections(&self) -> Vec<Section> {
        let (here, gone): (Vec<_>, Vec<_>) = self
            .executors
            .iter()
            .partition(|executor| executor.state.is_here());
        vec![
            Section::live("executors", list(&here)),
            Section::live("gone", past(&gone)),
        ]
    }
}

fn link(executor: &Executor) -> Markup {
    html! { a href=(href::executor(&executor.id)) { (shortened(&executor.address, 60)) } }
}

fn list(executors: &[&Executor]) -> Markup {
    if executors.is_empty() {
        return gugus_look::empty(
            "No executor is here, so no task can run.",
            Some("gugus executor --scheduler df://HOST:PORT"),
        );
    }
    let columns = [
        Column::text("Executor"),
        Column::text("State"),
        Column::text("Slots used"),
        Column::numbers("Tasks done"),
        Column::numbers("Memory of tasks"),
        Column::numbers("Process"),
        Column::numbers("Cache"),
        Column::numbers("Cache hits"),
        Column::text("Last heartbeat"),
        Column::text("Since"),
        Column::text("Version"),
    ];
    let row = |executor: &&Executor| {
        let load = &executor.load;
        vec![
            link(executor),
            executor.state.badge(),
            executor.slots(),
            html! { (count(load.done)) @if load.failed > 0 { ", " (count(load.failed)) " failed" } },
            executor.memory(),
            html! { (bytes(load.process)) },
            html! { (bytes(load.cache_bytes)) },
            html! { @match load.hits() { Some([_, _, share]) => { (share) " %" } None => "–" } },
            moment(executor.heartbeat),
            moment(executor.since),
            html! { (shortened(&load.version, 20)) },
        ]
    };
    let rows: Vec<_> = executors.iter().take(SHOWN).map(row).collect();
    html! {
        (plain_table("Executors", &columns, &rows))
        @if executors.len() > SHOWN { p.quiet { "And " (executors.len() - SHOWN) " more." } }
        p.quiet { "Executors send a heartbeat every second. An executor without one for 3 seconds is stale; after 5 it is lost, and others do its tasks again." }
    }
}

fn past(executors: &[&Executor]) -> Markup {
    if executors.is_empty() {
        return html! {};
    }
    let columns = [
        Column::text("Executor"),
        Column::text("State"),
        Column::numbers("Slots"),
        Column::numbers("Tasks done"),
        Column::text("Last heartbeat"),
        Column::text("Here since"),
        Column::text("Until"),
    ];
    let row = |executor: &&Executor| {
        vec![
            link(executor),
            executor.state.badge(),
            html! { (count(executor.slots)) },
            html! { (count(executor.load.done)) },
            moment(executor.heartbeat),
            moment(executor.since),
            moment(executor.gone),
        ]
    };
    let rows: Vec<_> = executors.iter().take(SHOWN).map(row).collect();
    html! {
        h2 { "Gone within a day" }
        (plain_table("Executors that are gone", &columns, &rows))
    }
}

/// A task of an executor, with its job.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaskHere {
    /// The id of its Ballista job.
    pub job: String,
    /// Its stage.
    pub stage: u64,
    /// The task.
    #[serde(flatten)]
    pub task: crate::job::Task,
}

/// One executor with its last tasks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExecutorPage {
    /// The executor.
    #[serde(flatten)]
    pub executor: Executor,
    /// Its last tasks.
    pub tasks: Vec<TaskHere>,
    /// The last Ballista jobs that it had tasks of.
    pub jobs: Vec<Row>,
    /// Milliseconds since 1970, now.
    #[serde(skip)]
    pub now: u64,
}

impl Page for ExecutorPage {
    const PLACE: Place = Place::Executors;

    fn title(&self) -> String {
        format!("Executor {}", self.executor.address)
    }

    fn way(&self) -> Vec<Link> {
        vec![Place::Executors.link()]
    }

    fn sections(&self) -> Vec<Section> {
        vec![
            Section::live("about", about(&self.executor)),
            Section::live("tasks", self.tasks()).titled("Last tasks"),
            Section::live("jobs", self.jobs()).titled("Last Ballista jobs"),
        ]
    }
}

fn about(executor: &Executor) -> Markup {
    let load = &executor.load;
    html! {
        p { (executor.state.badge()) }
        @if executor.state == ExecutorState::Lost { div.note.bad { p {
            "It was lost: no heartbeat came for five seconds. Other executors do its unfinished tasks again. Was its process killed, or its machine cut off?"
        } } }
        dl.facts {
            (fact("Id", &html! { code { (executor.id) } }))
            (fact(if executor.state.is_here() { "Slots used" } else { "Slots" }, &executor.slots()))
            (fact("Last heartbeat", &moment(executor.heartbeat)))
            (fact("Here since", &moment(executor.since)))
            @if executor.gone > 0 { (fact("Gone since", &moment(executor.gone))) }
            (fact("Tasks done", &html! { (count(load.done)) }))
            (fact("Tasks failed", &html! { (count(load.failed)) }))
            (fact("Tasks cancelled", &html! { (count(load.cancelled)) }))
            (fact("Memory of tasks", &executor.memory()))
            (fact("Memory of the process", &html! { (bytes(load.process)) }))
            (fact("Cache of features", &html! { (bytes(load.cache_bytes)) }))
            (fact("Cache hits", &html! { @match load.hits() {
                Some([hits, all, share]) => { (count(hits)) " of " (count(all)) " (" (share) " %)" }
                None => "not used yet",
            } }))
            (fact("Version", &html! { (load.version) }))
        }
    }
}

impl ExecutorPage {
    fn tasks(&self) -> Markup {
        if self.tasks.is_empty() {
            return html! { p.quiet { "It has had no task that is remembered." } };
        }
        let until = if self.executor.gone > 0 {
            self.executor.gone
        } else {
            self.now
        };
        let bars = self.tasks.iter().map(|here| bar(here, until)).collect();
        timeline("Last tasks of the executor", bars)
    }

    fn jobs(&self) -> Markup {
        if self.jobs.is_empty() {
            return html! { p.quiet { "None is remembered." } };
        }
        let columns = [
            Column::text("Ballista job"),
            Column::text("Name"),
            Column::text("State"),
            Column::numbers("Tasks here"),
            Column::text("When"),
        ];
        let row = |row: &Row| {
            let here = self.tasks.iter().filter(|task| task.job == row.id).count();
            vec![
                html! { a href=(href::job(&row.id)) { code { (row.id) } } },
                html! { (shortened(&row.name, 120)) },
                row.state.badge(),
                html! { (here) },
                moment(row.when()),
            ]
        };
        let rows: Vec<_> = self.jobs.iter().map(row).collect();
        plain_table("Last Ballista jobs", &columns, &rows)
    }
}

fn bar(here: &TaskHere, until: u64) -> Bar {
    let task = &here.task;
    let running = task.state == TaskState::Running;
    Bar {
        band: "Tasks".to_owned(),
        state: task.state,
        again: task.again,
        started: task.started,
        ended: task.end(until),
        about: format!(
            "Job {}, stage {}, task {}: {}, {}{}",
            here.job,
            here.stage,
            task.id,
            task.state.word(),
            span(task.ran(until)),
            if running { " so far" } else { "" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn executor(id: &str, state: ExecutorState) -> Executor {
        Executor {
            id: id.to_owned(),
            address: "10.0.0.1:50060".to_owned(),
            state,
            slots: 4,
            since: samples::NOW - 1_000_000,
            heartbeat: samples::NOW - 500,
            gone: 0,
            load: Load {
                version: "0.1.0".to_owned(),
                running: 3,
                done: 12_345,
                memory_used: 1 << 29,
                memory_limit: 1 << 30,
                cache_hits: 3,
                cache_misses: 1,
                ..Load::default()
            },
        }
    }

    #[test]
    fn executors_tell_slots_memory_hits_and_losses() {
        let mut lost = executor("b", ExecutorState::Lost);
        lost.gone = samples::NOW;
        let page = ExecutorsPage {
            executors: vec![executor("a", ExecutorState::Ready), lost],
        };
        let text = crate::render(&page, "/gugus/v1/executors", false);
        for part in [
            "3 of 4",
            "12,345",
            "512.0 MiB of 1.0 GiB",
            "75 %",
            "lost",
            "Last heartbeat",
            "href=\"/executors/a\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let empty = crate::render(&ExecutorsPage::default(), "/gugus/v1/executors", false);
        assert!(empty.contains("gugus executor --scheduler"), "{empty}");
    }

    #[test]
    fn a_hundred_executors_stay_small_and_hostile_names_are_text() {
        let mut hostile = executor(samples::HOSTILE, ExecutorState::Ready);
        hostile.address = samples::HOSTILE.to_owned();
        hostile.load.version = samples::HOSTILE.to_owned();
        let page = ExecutorsPage {
            executors: vec![hostile.clone(); 100],
        };
        let text = crate::render(&page, "/gugus/v1/executors", false);
        samples::assert_harmless(&text);
        assert!(text.len() < 200_000, "{}", text.len());
        let task = TaskHere {
            job: samples::HOSTILE.to_owned(),
            stage: 1,
            task: samples::stage(1, 1).tasks.remove(0),
        };
        let mut job = samples::job().row;
        (job.id, job.name) = (samples::HOSTILE.to_owned(), samples::HOSTILE.to_owned());
        let page = ExecutorPage {
            executor: hostile,
            tasks: vec![task],
            jobs: vec![job],
            now: samples::NOW,
        };
        samples::assert_harmless(&crate::render(&page, "/gugus/v1/executors/a", false));
    }
}

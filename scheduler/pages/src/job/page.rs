//! `/jobs/{id}`: one Ballista job.

use std::sync::Arc;

use gugus_look::{Column, Link, Section, count, fact, plain_table};
use maud::{Markup, html};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::graph::{graph, progress};
use super::plan::plans;
use super::record::{Job, Stage, Task};
use super::spread::{outlier, times};
use super::timeline::{Bar, timeline};
use super::troubles::troubles;
use crate::href;
use crate::moment::{moment, span};
use crate::page::Page;
use crate::place::Place;

/// For so many milliseconds after its end a job's page is sent to those who have it open.
const STILL_SENT: u64 = 60_000;

/// A Ballista job as its page shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobPage {
    /// The job.
    #[serde(flatten, serialize_with = "whole")]
    #[schema(value_type = Job)]
    pub job: Arc<Job>,
    /// Milliseconds since 1970, now.
    #[serde(skip)]
    pub now: u64,
    /// Whether this scheduler has the job's run.
    #[serde(skip)]
    pub has_run: bool,
}

impl Page for JobPage {
    const PLACE: Place = Place::Jobs;

    fn title(&self) -> String {
        format!("Ballista job {}", self.job.row.id)
    }

    fn way(&self) -> Vec<Link> {
        vec![Place::Jobs.link()]
    }

    fn sections(&self) -> Vec<Section> {
        let job = &*self.job;
        let until = job.until(self.now);
        let moves = !job.row.state.is_final() || self.now.saturating_sub(until) < STILL_SENT;
        let section = |id, content| Section {
            live: moves,
            ..Section::fixed(id, content)
        };
        vec![
            section("about", self.about(job, until)),
            section("stages", stages(job, until)).titled("Stages"),
            section("tasks", tasks(job, until)).titled("Tasks by executor"),
            section("plan", plans(&job.stages)).titled("Plan"),
            Section::fixed("settings", settings(job)).titled("Settings"),
        ]
    }
}

impl JobPage {
    fn about(&self, job: &Job, until: u64) -> Markup {
        let row = &job.row;
        html! {
            p { (row.state.badge()) " " (row.name) }
            @if let Some(why) = &row.failure {
                div.note.bad { p { b { "Why it did not succeed" } } pre { (why) } }
            }
            dl.facts {
                @if let Some(run) = &row.run { (fact("Run", &match self.has_run {
                    true => html! { a href=(href::run(run)) { (run) } },
                    false => html! { (run) " " span.quiet { "(driven by a client)" } },
                })) }
                (fact("Submitted", &moment(row.when())))
                @if row.ended > 0 { (fact("Ended", &moment(row.ended))) }
                (fact("Time", &html! { (span(row.took(until))) }))
                (fact("Stages done", &html! { (count(row.stages_done)) " of " (count(row.stages_total)) }))
                (fact("Tasks", &html! { (count(row.tasks)) @if row.tasks_lost > 0 { ", " (count(row.tasks_lost)) " of them failed or lost" } }))
            }
        }
    }
}

fn whole<S: Serializer>(job: &Arc<Job>, serializer: S) -> Result<S::Ok, S::Error> {
    job.serialize(serializer)
}

fn stages(job: &Job, until: u64) -> Markup {
    if job.stages.is_empty() {
        return html! { p.quiet { "The job has not been cut into stages." } };
    }
    let columns = [
        Column::numbers("Stage"),
        Column::text("State"),
        Column::text("Tasks"),
        Column::numbers("Rows read"),
        Column::numbers("Rows given"),
        Column::numbers("Bytes given"),
        Column::numbers("Time"),
        Column::numbers("Task min"),
        Column::numbers("median"),
        Column::numbers("p95"),
        Column::numbers("max"),
    ];
    let row = |stage: &Stage| {
        let sum = |of: &dyn Fn(&Task) -> u64| stage.tasks.iter().map(of).sum::<u64>();
        let read = stage
            .tasks
            .iter()
            .filter_map(|task| task.read)
            .reduce(|a, b| a + b);
        let times = times(stage);
        let time =
            |of: Option<u64>| html! { @if let Some(milliseconds) = of { (span(milliseconds)) } };
        vec![
            html! { (stage.id) },
            html! { (stage.state.word()) @if stage.attempt > 0 { ", begun again " (gugus_look::quantity(stage.attempt, "time", "times")) } },
            html! { (progress(stage)) @if stage.waiting > 0 { ", " (gugus_look::quantity(stage.waiting, "group waits", "groups wait")) } @if stage.left_out > 0 { ", " (count(stage.left_out)) " not kept" } },
            html! { @if let Some(read) = read { (count(read)) } },
            html! { (count(sum(&|task| task.rows))) },
            html! { (gugus_look::bytes(sum(&|task| task.bytes))) },
            time(took(stage, until)),
            time(times.map(|times| times.least)),
            time(times.map(|times| times.median)),
            time(times.map(|times| times.p95)),
            time(times.map(|times| times.most)),
        ]
    };
    let rows: Vec<_> = job.stages.iter().take(100).map(row).collect();
    let outliers: Vec<String> = job
        .stages
        .iter()
        .filter_map(|stage| outlier(job, stage))
        .collect();
    html! {
        (graph(&job.stages))
        @for far in outliers.iter().take(20) { p.note.warning { (far) } }
        (plain_table("Stages", &columns, &rows))
        @for stage in &job.stages { @if let Some(why) = stage.failure.as_ref().filter(|why| Some(*why) != job.row.failure.as_ref()) {
            div.note.bad { p { "Stage " (stage.id) " failed" } pre { (why) } }
        } }
    }
}

/// From the first task's start to the last one's end.
fn took(stage: &Stage, until: u64) -> Option<u64> {
    let first = stage.tasks.iter().map(|task| task.handed).min()?;
    let last = stage.tasks.iter().map(|task| task.end(until)).max()?;
    Some(last.saturating_sub(first))
}

fn tasks(job: &Job, until: u64) -> Markup {
    let mut bars = Vec::new();
    for stage in &job.stages {
        for task in &stage.tasks {
            bars.push(Bar {
                band: job.address(&task.executor).to_owned(),
                state: task.state,
                again: task.again,
                started: task.started,
                ended: task.end(until),
                about: format!(
                    "Stage {}, task {}: {}, {}",
                    stage.id,
                    task.id,
                    task.state.word(),
                    span(task.ran(until))
                ),
            });
        }
    }
    if bars.is_empty() {
        return html! { p.quiet { "No task was handed out." } };
    }
    html! {
        (timeline("Tasks by executor", bars))
        @if let Some(table) = troubles(job, until) { (table) }
    }
}

fn settings(job: &Job) -> Markup {
    if job.settings.is_empty() {
        return html! { p.quiet { "The job uses the cluster's settings." } };
    }
    let columns = [Column::text("Setting"), Column::text("Value")];
    let rows: Vec<_> = job
        .settings
        .iter()
        .map(|(name, value)| vec![html! { code { (name) } }, html! { code { (value) } }])
        .collect();
    html! {
        p.quiet { "Settings that differ from those of the cluster. Values that may be secret are hidden." }
        (plain_table("Settings", &columns, &rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobState, TaskState};
    use crate::samples;

    fn page(job: Job) -> JobPage {
        JobPage {
            job: Arc::new(job),
            now: samples::NOW,
            has_run: true,
        }
    }

    #[test]
    fn a_page_tells_stages_tasks_losses_plan_and_settings() {
        let mut job = samples::job();
        job.stages[0].tasks[1].state = TaskState::Lost;
        job.stages[0].tasks[1].failure = Some("executor e1 was lost".to_owned());
        job.stages[0].tasks[2].again = true;
        job.settings
            .insert("ballista.job.name".to_owned(), "crime".to_owned());
        let text = crate::render(&page(job), "/gugus/v1/jobs/a", false);
        let parts = [
            "<svg",
            "Stage 1",
            "lost",
            "tried again",
            "executor e1 was lost",
            "DataSourceExec",
            "output rows <b>1,000</b>",
            "ballista.job.name",
            "href=\"/runs/01kx3q2n8\"",
            "href=\"/jobs\"",
            "p95",
        ];
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_job_that_runs_moves_and_one_that_ended_long_ago_does_not() {
        let mut job = samples::job();
        let live = |job: &Job| {
            page(job.clone())
                .sections()
                .iter()
                .filter(|section| section.live)
                .count()
        };
        assert_eq!(live(&job), 0);
        job.row.ended = samples::NOW - 1_000;
        assert_eq!(live(&job), 4);
        (job.row.state, job.row.ended) = (JobState::Running, 0);
        assert_eq!(live(&job), 4);
    }

    #[test]
    fn a_job_of_many_stages_and_tasks_stays_small() {
        let mut job = samples::job();
        job.stages = (1..=100).map(|id| samples::stage(id, 100)).collect();
        let text = crate::render(&page(job), "/gugus/v1/jobs/a", false);
        assert!(text.len() < 200_000, "{}", text.len());
    }

    #[test]
    fn hostile_names_are_text() {
        let hostile = samples::HOSTILE;
        let mut job = samples::job();
        job.row.name = hostile.to_owned();
        job.row.run = Some(hostile.to_owned());
        job.row.failure = Some(hostile.to_owned());
        job.settings.insert(hostile.to_owned(), hostile.to_owned());
        job.addresses.insert("e0".to_owned(), hostile.to_owned());
        let task = &mut job.stages[0].tasks[0];
        (task.state, task.failure) = (TaskState::Failed, Some(hostile.to_owned()));
        job.stages[0].plan[0].text = hostile.to_owned();
        job.stages[0].failure = Some(format!("{hostile} too"));
        samples::assert_harmless(&crate::render(&page(job), "/gugus/v1/jobs/a", false));
    }
}

//! The page of one run.

use gugus_look::{
    Column, Link, Section, Tone, badge, count, empty, fact, instant, plain_table, quantity,
    query_value, shortened,
};
use maud::{Markup, html};

use super::course::Course;
use super::grid::grid;
use super::models::models;
use super::passes::passes;
use super::progress::{progress, run_state};
use super::record::{BallistaJob, Run};
use super::state::RunState;
use crate::href;
use crate::job::JobState;
use crate::moment::span;
use crate::page::Page;
use crate::place::Place;

/// The most Ballista jobs that the page names.
const JOBS_SHOWN: usize = 10;

/// The most characters of a job file that the page shows; the rest is at its own path.
const TEXT_SHOWN: usize = 20_000;

/// One run with all that its page shows.
#[derive(Clone, Debug)]
pub struct RunPage {
    /// The run.
    pub run: Run,
    /// How long the last attempt took, or takes until now, in milliseconds.
    pub took: Option<u64>,
    /// Whether an executor is there that could train.
    pub has_executor: bool,
    /// How its models come about.
    pub course: Course,
    /// The end of its log.
    pub log: String,
    /// The text of the job file, as it was sent.
    pub job_file: String,
    /// The job file as it is understood.
    pub understood: String,
}

impl Page for RunPage {
    const PLACE: Place = Place::Runs;

    fn title(&self) -> String {
        format!("Run {} of job {}", self.run.id, self.run.job)
    }

    fn way(&self) -> Vec<Link> {
        vec![Place::Runs.link()]
    }

    fn sections(&self) -> Vec<Section> {
        vec![
            Section::live("state", self.state()),
            Section::live("actions", self.actions()),
            Section::live("grid", self.grid()).titled("All models at a glance"),
            Section::live("passes", self.passes()),
            Section::live("models", models(&self.course.table, &self.run.models)).titled("Models"),
            Section::live("jobs", self.ballista_jobs()).titled("Ballista jobs"),
            Section::live("log", self.log()).titled("Log"),
            Section::fixed("job-file", self.job_file()).titled("Job file"),
        ]
    }
}

impl RunPage {
    fn state(&self) -> Markup {
        let run = &self.run;
        let counts = run.state.is_final() || run.follow.is_some();
        let time = |name: &str, at: &Option<String>| html! { @if let Some(at) = at { (fact(name, &instant(at))) } };
        let counted = |name: &str, number: u64| fact(name, &html! { (count(number)) });
        html! {
            p { (run_state(run)) " " (progress(run)) }
            @if let Some(why) = &run.failure { div class="note bad" { p.reason { (why) } } }
            @if !self.has_executor && run.state == RunState::Following { div class="note warning" { p { "No executor is there, so new batches get no models. " a href="/executors" { "See the executors" } } } }
            @if counts && run.failed > 0 {
                div class="note warning" { p { (quantity(run.failed, "model", "models")) " failed. " a href="?status=failed#models" { "See why" } } }
            }
            dl.facts {
                (fact("Job", &html! { a href={ "/runs?job=" (query_value(&run.job)) } { (run.job) } }))
                (fact("Batches", &html! { a href=(href::batches(&run.batches)) { (run.batches) } }))
                (fact("Models", &html! { a href=(href::models(&run.models)) { (run.models) } }))
                @if !run.only.is_empty() { (fact("Only", &html! { (run.only.join(", ")) })) }
                @if run.retrain { (fact("Models that are there", &html! { "are trained again" })) }
                @if counts {
                    (counted("Trained", run.trained)) (counted("Failed", run.failed)) (counted("Skipped", run.skipped))
                }
                (fact("Submitted", &instant(&run.submitted)))
                (time(if run.follow.is_some() { "Follows since" } else { "Started" }, &run.started))
                (time(if run.state == RunState::Paused { "Paused" } else { "Ended" }, &run.ended))
                @if let (Some(took), None) = (self.took, &run.follow) { (fact("Duration", &html! { (span(took)) })) }
                @if run.attempts > 1 { (fact("Attempts", &html! { (run.attempts) })) }
            }
        }
    }

    /// What can be done with the run as it is.
    fn actions(&self) -> Markup {
        let run = &self.run;
        let path = href::run(run.id.as_str());
        let form = |what: &str, class: &str, name: &str, question: &str| {
            html! { form method="post" action={ (path) "/" (what) } data-confirm=(question) { button type="submit" class=(class) { (name) } } }
        };
        let end = form(
            "cancel",
            "danger",
            "End",
            "End this run? Models that are written stay, and new batches get no models.",
        );
        html! { div.actions {
            @match run.state {
                RunState::Queued | RunState::Following if run.follow.is_some() => {
                    (form("pause", "", "Pause", "Pause this run? New batches get no models until it is resumed."))
                    (end)
                }
                RunState::Paused => { (form("resume", "first", "Resume", "Resume this run? It first trains what came meanwhile.")) (end) }
                RunState::Queued | RunState::Running | RunState::Following => (form("cancel", "danger", "Cancel", "Cancel this run? Models that are written stay.")),
                RunState::Failed | RunState::Cancelled | RunState::Interrupted => (form("resume", "first", "Resume", "Resume this run? It goes on with the models that are missing.")),
                RunState::Finished => {}
            }
            @if run.follow.is_none() || run.state.is_final() { (form("again", "", "Run again", "Submit the same job again? Models that exist and match stay as they are.")) }
            a.button href={ "/submit?run=" (run.id) } { "Change and submit" }
        } }
    }

    fn grid(&self) -> Markup {
        let course = &self.course;
        html! {
            @if course.counts.total() > 0 { (grid(course, &self.run.models)) }
            @else if self.run.state == RunState::Queued { p.quiet { "Models appear when the run starts." } }
            @else if self.run.state == RunState::Following { p.quiet { "Models appear as batches come." } }
            @else if self.run.state == RunState::Running { p.quiet { "The run looks at batches and models." } }
            @else { p.quiet { "The scheduler knows no models of this run." } }
            @if course.left_out > 0 && self.run.follow.is_some() { p.quiet { "Only the newest models are shown here. " a href=(href::models(&self.run.models)) { "See all models" } } }
            @else if course.left_out > 0 { p.quiet { (count(course.left_out)) " more models are only in the report: " code { "gugus runs show " (self.run.id) " --output json" } } }
        }
    }

    fn passes(&self) -> Markup {
        html! { @if !self.course.passes.is_empty() { h2 { "Cost by pass" } (passes(&self.course.passes)) } }
    }

    fn ballista_jobs(&self) -> Markup {
        let jobs = &self.run.ballista_jobs;
        if jobs.is_empty() {
            return html! { p.quiet { "The run has submitted none." } };
        }
        let columns = [
            Column::text("Ballista job"),
            Column::text("State"),
            Column::text("Name"),
        ];
        let row = |job: &BallistaJob| {
            vec![
                html! { a href=(href::job(&job.id)) { code { (job.id) } } },
                JobState::of(&job.state)
                    .map_or_else(|| badge(Tone::Quiet, &job.state), JobState::badge),
                html! { (job.name) },
            ]
        };
        let rows: Vec<_> = jobs.iter().rev().take(JOBS_SHOWN).map(row).collect();
        html! {
            (plain_table("Ballista jobs of the run", &columns, &rows))
            @if jobs.len() > JOBS_SHOWN { p.quiet { "The newest " (JOBS_SHOWN) " of " (jobs.len()) "." } }
        }
    }

    fn log(&self) -> Markup {
        if self.log.is_empty() {
            return empty("Nothing is logged yet.", None);
        }
        html! {
            pre tabindex="0" data-follow aria-label="The end of the log" { (self.log) }
            p { a href={ "/gugus/v1" (href::run(self.run.id.as_str())) "/log?whole=true" } { "All of the log" } }
        }
    }

    fn job_file(&self) -> Markup {
        let part = |name: &str, text: &str| {
            html! { div { h3 { (name) } pre tabindex="0" aria-label=(name) { (shortened(text, TEXT_SHOWN)) } } }
        };
        html! { div.beside {
            (part("As it was sent", &self.job_file))
            (part("As it is understood", &self.understood))
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::super::course::Square;
    use super::super::mark::Counts;
    use super::*;
    use crate::page::render;
    use crate::samples::{self, HOSTILE, assert_harmless};

    fn text(page: &RunPage) -> String {
        render(page, "/gugus/v1/runs/1m7x2k9q4", false)
    }

    #[test]
    fn a_run_is_shown_whole_and_its_texts_are_text() {
        let text = text(&samples::run_page(RunState::Failed));
        assert_harmless(&text);
        let batches = format!("href=\"/batches?in=/data/{}%26b\"", query_value(HOSTILE));
        for part in [
            "4.5 s",
            "href=\"/models/location/1?in=/data/m\" title=\"batch 1: trained\"",
            "href=\"?from=1#models\" title=\"batch 2: failed\"",
            "href=\"?status=failed#models\">1 failed</a>",
            "2 clusters: 600, 400",
            "is infinite",
            "aria-label=\"Cost of whole by pass\"",
            "the center that moved farthest moved by 0.25",
            "href=\"/jobs/ab%2F12\"",
            "href=\"/gugus/v1/runs/1m7x2k9q4/log?whole=true\"",
            &batches,
            "As it was sent",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_run_has_the_buttons_of_its_state() {
        for (state, there, missing) in [
            (RunState::Queued, ">Cancel<", ">Resume<"),
            (RunState::Running, ">Cancel<", ">Resume<"),
            (RunState::Following, ">Pause<", ">Cancel<"),
            (RunState::Following, ">End<", ">Resume<"),
            (RunState::Paused, ">Resume<", ">Pause<"),
            (RunState::Paused, ">End<", ">Cancel<"),
            (RunState::Failed, ">Resume<", ">Cancel<"),
            (RunState::Cancelled, ">Resume<", ">Cancel<"),
            (RunState::Interrupted, ">Resume<", ">Cancel<"),
            (RunState::Finished, ">Run again<", ">Resume<"),
        ] {
            let text = text(&samples::run_page(state));
            assert!(
                text.contains(there) && !text.contains(missing),
                "{state}: {text}"
            );
            let again = state.is_final() || !text.contains("Follows since");
            assert_eq!(text.contains(">Run again<"), again, "{text}");
            assert!(text.contains("data-confirm="), "{text}");
        }
    }

    #[test]
    fn a_standing_run_says_how_far_it_is_behind_and_what_it_waits_for() {
        let mut page = samples::run_page(RunState::Following);
        page.course.left_out = 7;
        page.has_executor = false;
        page.run.failure = Some("the bucket did not answer".to_owned());
        let shown = text(&page);
        for part in [
            "following</span> 3 batches behind, the oldest for 12.0 s",
            "the bucket did not answer",
            "No executor is there",
            "Only the newest models are shown here.",
            "1 model failed",
            "Follows since",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        page.has_executor = true;
        page.run.follow = Some(super::super::Following {
            caught_up: true,
            ..Default::default()
        });
        let shown = text(&page);
        assert!(
            shown.contains("nothing behind, waits for new batches")
                && !shown.contains("No executor is there"),
            "{shown}"
        );
        let paused = text(&samples::run_page(RunState::Paused));
        assert!(
            paused.contains("trains nothing until it is resumed") && !paused.contains("Ended"),
            "{paused}"
        );
    }

    #[test]
    fn a_square_of_several_models_says_the_worst_and_all_counts() {
        let mut page = samples::run_page(RunState::Finished);
        page.course.squares = vec![Square {
            model: "location".to_owned(),
            first: "batch 251".to_owned(),
            last: Some("batch 500".to_owned()),
            from: 250,
            counts: Counts {
                failed: 2,
                trained: 248,
                ..Counts::default()
            },
            path: None,
        }];
        let text = text(&page);
        let square = "<a class=\"square failed\" href=\"?from=250#models\" title=\"batch 251 to batch 500: 2 failed, 248 trained\"></a>";
        assert!(text.contains(square), "{text}");
    }

    #[test]
    fn a_page_of_many_models_stays_small() {
        let mut page = samples::run_page(RunState::Running);
        let square = page.course.squares[0].clone();
        let row = page.course.table.rows[0].clone();
        let wide = |row: &super::super::course::ModelRow| {
            let mut row = row.clone();
            row.line.sizes = vec![123_456; 64];
            row
        };
        page.course.squares = vec![square; 400];
        page.course.table.rows = vec![wide(&row); 50];
        page.log = "x".repeat(16 * 1024);
        page.job_file = "y".repeat(1_000_000);
        page.understood = page.job_file.clone();
        let length = text(&page).len();
        assert!(length < 250_000, "{length}");
    }
}

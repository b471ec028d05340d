//! `/submit`: a form that submits a job.

use gugus_look::{Column, Link, Section, badge, count, plain_table};
use gugus_progress::ModelReport;
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::page::Page;
use crate::place::Place;
use crate::run::Mark;

/// How many lines are shown before and after the line of an error.
const AROUND: usize = 6;

/// What a person typed into the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SubmitForm {
    /// The text of the job file.
    pub job_file: String,
    /// Where its batches are.
    pub batches: String,
    /// Where its models go.
    pub models: String,
    /// Names of models, with blanks or commas between them; all models when empty.
    pub only: String,
    /// Whether models that are there are trained again.
    pub retrain: bool,
    /// Whether the run goes on with each new batch until somebody ends it.
    pub follow: bool,
}

/// Why a job was not taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotTaken {
    /// The reason in words.
    pub why: String,
    /// The line of the job file that is to blame, from 1.
    pub line: Option<usize>,
}

/// What would be trained.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Plan {
    /// How many models would be trained.
    pub planned: u64,
    /// How many would be left alone.
    pub skipped: u64,
    /// How many the data do not allow, as far as that is known.
    pub failed: u64,
    /// The first of them.
    #[schema(value_type = Vec<Object>)]
    pub models: Vec<ModelReport>,
}

/// The page with the form.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct SubmitPage {
    /// Whether the scheduler takes runs.
    pub takes_runs: bool,
    /// What is in the form.
    pub form: SubmitForm,
    /// Stores of batches that runs have used.
    pub known_batches: Vec<String>,
    /// Stores of models that runs have used.
    pub known_models: Vec<String>,
    /// Why the job was not taken.
    pub not_taken: Option<NotTaken>,
    /// What would be trained, after a dry run.
    pub plan: Option<Plan>,
}

impl Page for SubmitPage {
    const PLACE: Place = Place::Runs;

    fn title(&self) -> String {
        "Submit a job".to_owned()
    }

    fn way(&self) -> Vec<Link> {
        vec![Place::Runs.link()]
    }

    fn sections(&self) -> Vec<Section> {
        if !self.takes_runs {
            return vec![Section::fixed(
                "form",
                html! { p { "This scheduler takes no runs." } },
            )];
        }
        let mut sections = Vec::new();
        if let Some(wrong) = &self.not_taken {
            sections.push(
                Section::fixed("not-taken", self.not_taken(wrong)).titled("The job was not taken"),
            );
        }
        if let Some(plan) = &self.plan {
            sections.push(Section::fixed("plan", planned(plan)).titled("What would be trained"));
        }
        sections.push(Section::fixed("form", self.form()));
        sections
    }
}

impl SubmitPage {
    fn not_taken(&self, wrong: &NotTaken) -> Markup {
        html! {
            div class="note bad" role="alert" { p.reason { (wrong.why) } }
            @if let Some(at) = wrong.line {
                @let first = at.saturating_sub(AROUND).max(1);
                ol.numbered start=(first) { @for (line, text) in self.form.job_file.lines().enumerate().skip(first - 1).take(2 * AROUND + 1) {
                    @if line + 1 == at { li { mark { code { (text) } } span.quiet { " ← line " (at) } } }
                    @else { li { code { (text) } } }
                } }
            }
        }
    }

    fn form(&self) -> Markup {
        let form = &self.form;
        let store = |label: &str, name: &str, value: &str, known: &[String]| {
            html! {
                label { span { (label) } input type="text" name=(name) value=(value) size="44" list={ "known-" (name) } required spellcheck="false"; }
                datalist id={ "known-" (name) } { @for store in known { option value=(store) { } } }
            }
        };
        html! { form method="post" action="/submit" {
            label { span { "Job file" } textarea #job-text name="job_file" required spellcheck="false" { "\n" (form.job_file) } }
            label hidden { span { "Take the text from a file" } input type="file" accept=".toml,text/plain" data-fills="job-text"; }
            div.fields {
                (store("Batches", "batches", &form.batches, &self.known_batches))
                (store("Models", "models", &form.models, &self.known_models))
            }
            p.quiet { "Folders and buckets as the scheduler and its executors reach them: an absolute path, or s3://…" }
            div.fields {
                label { span { "Train only (names with blanks between them; all when empty)" } input type="text" name="only" value=(form.only) size="44" spellcheck="false"; }
                label { input type="checkbox" name="retrain" value="yes" checked[form.retrain]; " Train again what is there" }
                label { input type="checkbox" name="follow" value="yes" checked[form.follow]; " Keep following new batches" }
            }
            div.actions {
                button.first type="submit" name="do" value="submit" { "Submit" }
                button type="submit" name="do" value="dry_run" { "Dry run" }
            }
        } }
    }
}

fn planned(plan: &Plan) -> Markup {
    let columns = [
        Column::text("Model"),
        Column::text("Of"),
        Column::text("Status"),
        Column::numbers("Rows"),
        Column::text("Reason"),
    ];
    let row = |line: &ModelReport| {
        let mark = Mark::from(line.status);
        vec![
            html! { (line.model) },
            html! { (line.data()) },
            badge(
                mark.tone(),
                if mark == Mark::Waiting {
                    "would be trained"
                } else {
                    mark.word()
                },
            ),
            html! { (count(line.rows)) },
            html! { (line.reason.as_deref().unwrap_or_default()) },
        ]
    };
    let rows: Vec<_> = plan.models.iter().map(row).collect();
    let all = plan.planned + plan.skipped + plan.failed;
    html! {
        p { (count(plan.planned)) " would be trained, " (count(plan.skipped)) " would be left alone"
            @if plan.failed > 0 { ", " (count(plan.failed)) " would fail" } ". Nothing was begun." }
        @if !rows.is_empty() { (plain_table("Models", &columns, &rows)) }
        @if all > rows.len() as u64 { p.quiet { "The first " (rows.len()) " of " (count(all)) "." } }
    }
}

#[cfg(test)]
mod tests {
    use gugus_progress::Outcome;

    use super::*;
    use crate::page::render;
    use crate::samples::{self, HOSTILE, assert_harmless};

    fn page() -> SubmitPage {
        let lines: Vec<String> = (1..=30).map(|line| format!("# line <{line}>")).collect();
        SubmitPage {
            takes_runs: true,
            form: SubmitForm {
                job_file: lines.join("\n"),
                batches: HOSTILE.to_owned(),
                models: "/data/m".to_owned(),
                only: "a b".to_owned(),
                retrain: true,
                follow: true,
            },
            known_batches: vec![HOSTILE.to_owned()],
            known_models: vec!["/data/m".to_owned()],
            not_taken: None,
            plan: None,
        }
    }

    #[test]
    fn a_wrong_job_file_comes_back_with_its_line_and_what_was_typed() {
        let wrong = NotTaken {
            why: format!("job file line 12: {HOSTILE}"),
            line: Some(12),
        };
        let page = SubmitPage {
            not_taken: Some(wrong),
            ..page()
        };
        let text = render(&page, "/gugus/v1/submit", false);
        assert_harmless(&text);
        for part in [
            "job file line 12: ",
            "<ol class=\"numbered\" start=\"6\">",
            "<mark><code># line &lt;12&gt;</code></mark>",
            "# line &lt;18&gt;</code>",
            "\n# line &lt;1&gt;",
            "value=\"a b\"",
            "name=\"retrain\" value=\"yes\" checked",
            "name=\"follow\" value=\"yes\" checked> Keep following new batches",
            "list=\"known-batches\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("<li><code># line &lt;19&gt;"), "{text}");
        // A line beyond the text is no reason to end.
        let wrong = NotTaken {
            why: "line 99".to_owned(),
            line: Some(99),
        };
        let page = SubmitPage {
            not_taken: Some(wrong),
            ..page
        };
        let text = render(&page, "/gugus/v1/submit", false);
        assert!(
            text.contains("<ol class=\"numbered\" start=\"93\"></ol>"),
            "{text}"
        );
    }

    #[test]
    fn a_dry_run_says_what_would_be_trained() {
        let models = vec![samples::model_line(7, Outcome::Planned)];
        let plan = Plan {
            planned: 1_200,
            skipped: 3,
            failed: 0,
            models,
        };
        let text = render(
            &SubmitPage {
                plan: Some(plan),
                ..page()
            },
            "/",
            false,
        );
        for part in [
            "1,200 would be trained, 3 would be left alone",
            "batch 7",
            "The first 1 of 1,203",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

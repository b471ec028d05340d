//! `/submit`: a form that submits a job, and what its buttons do.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::response::{IntoResponse, Redirect, Response};
use gugus_engine::SignedIn;
use gugus_pages::href;
use gugus_pages::run::RunId;
use gugus_pages::submit::{NotTaken, Plan, SubmitForm, SubmitPage};
use gugus_train::Report;
use http::{HeaderMap, StatusCode, header};

use super::asked::pairs;
use super::run::named;
use super::served::{Asked, whole};
use super::shown::Shown;
use crate::blocking::blocking;
use crate::problem::Problem;
use crate::runs::{BODY_LIMIT, RunError, RunRequest, Runs};

/// A form is up to three times as long as the texts in it.
pub(super) const FORM_LIMIT: usize = 3 * BODY_LIMIT;

/// How many models of a dry run are shown.
const PLANNED_SHOWN: usize = 100;

/// The empty form, or that of a run.
pub(super) async fn gather(shown: Shown, asked: Asked) -> Result<SubmitPage, Problem> {
    let Some(runs) = shown.runs.clone() else {
        return Ok(SubmitPage::default());
    };
    let form = match asked.choice("run") {
        "" => SubmitForm::default(),
        id => {
            let (runs, id) = named(shown, id)?;
            let (run, job_file) = blocking(move || runs.with_job_file(&id)).await?;
            SubmitForm {
                job_file,
                batches: run.batches,
                models: run.models,
                only: run.only.join(" "),
                retrain: run.retrain,
                follow: run.follow.is_some(),
            }
        }
    };
    Ok(page(&runs, form))
}

/// Submits what is in the form, or says what it would train.
pub(super) async fn submit(
    State(shown): State<Shown>,
    signed_in: Option<Extension<SignedIn>>,
    headers: HeaderMap,
    body: Result<String, StringRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let (form, button) = read(&headers, &body)?;
    let runs = shown.runs()?;
    let request = request(&form);
    let there = runs.clone();
    let done = blocking(move || {
        // A refused job is no failure here: the page shows why, and what was typed.
        Ok::<_, RunError>(match button {
            Button::Submit => there.submit(&request).map(|run| Done::Submitted(run.id)),
            Button::DryRun => there
                .dry_run(&request)
                .map(|report| Done::Planned(plan(report))),
        })
    });
    let mut page = page(&runs, form);
    let status = match done.await? {
        Ok(Done::Submitted(id)) => {
            return Ok(Redirect::to(&href::run(id.as_str())).into_response());
        }
        Ok(Done::Planned(plan)) => {
            page.plan = Some(plan);
            StatusCode::OK
        }
        Err(error) => {
            let line = match &error {
                RunError::JobFile(error) => error.place().map(|place| place.line),
                _ => None,
            };
            let problem = Problem::from(error);
            let why = problem.detail().to_owned();
            page.not_taken = Some(NotTaken { why, line });
            problem.status()
        }
    };
    let html = gugus_pages::render(&page, "/gugus/v1/submit", signed_in.is_some());
    Ok((status, whole(html)).into_response())
}

fn plan(report: Report) -> Plan {
    Plan {
        planned: report.planned,
        skipped: report.skipped,
        failed: report.failed,
        models: report.models.into_iter().take(PLANNED_SHOWN).collect(),
    }
}

/// What the button did.
enum Done {
    Submitted(RunId),
    Planned(Plan),
}

/// The button that was pressed.
#[derive(Clone, Copy)]
enum Button {
    Submit,
    DryRun,
}

fn page(runs: &Runs, form: SubmitForm) -> SubmitPage {
    let (mut batches, mut models) = (BTreeSet::new(), BTreeSet::new());
    for pair in runs.pairs() {
        batches.insert(pair.batches);
        models.insert(pair.models);
    }
    SubmitPage {
        takes_runs: true,
        form,
        known_batches: batches.into_iter().collect(),
        known_models: models.into_iter().collect(),
        not_taken: None,
        plan: None,
    }
}

/// Reads the form. Browsers write line ends of text as on Windows.
fn read(headers: &HeaderMap, body: &str) -> Result<(SubmitForm, Button), Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let is_form = |kind: &http::HeaderValue| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    };
    if !kind.is_some_and(is_form) {
        let why = "this page takes forms; to submit JSON, use /gugus/v1/runs";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let (mut form, mut button) = (SubmitForm::default(), Button::Submit);
    for (name, value) in pairs(body, "the form")? {
        match name.as_str() {
            "job_file" => form.job_file = value.replace("\r\n", "\n"),
            "batches" => form.batches = value.trim().to_owned(),
            "models" => form.models = value.trim().to_owned(),
            "only" => form.only = value.trim().to_owned(),
            "retrain" => form.retrain = true,
            "follow" => form.follow = true,
            "do" if value == "dry_run" => button = Button::DryRun,
            _ => {}
        }
    }
    Ok((form, button))
}

fn request(form: &SubmitForm) -> RunRequest {
    let only = form.only.split([' ', ',']).filter(|name| !name.is_empty());
    RunRequest {
        job_file: form.job_file.clone(),
        batches: form.batches.clone(),
        models: form.models.clone(),
        only: only.map(str::to_owned).collect(),
        retrain: form.retrain,
        follow: form.follow,
        dry_run: false,
    }
}

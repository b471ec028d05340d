//! What the scheduler answers to questions for runs.

use gugus_pages::run::Run;
use gugus_train::Report;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The path of runs.
pub const RUNS_PATH: &str = "/gugus/v1/runs";

/// The answer to a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunList {
    /// The newest first.
    pub runs: Vec<Run>,
}

/// The answer to a question for one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// The text of the job file.
    pub job_file: String,
    /// The report of the last attempt, as `gugus train --output json` prints it, once the run has ended.
    pub report: Option<Report>,
}

/// The answer to a request for a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DryRun {
    /// The report of the models that would be trained.
    pub report: Report,
}

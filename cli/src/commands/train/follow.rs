//! `gugus train --follow`.

use std::sync::Arc;

use gugus_files::Stores;
use gugus_models::Existing;
use gugus_progress::{ModelReport, Outcome, Progress};
use gugus_train::{Config, Follow, Observer, check_job};

use super::Train;
use crate::exit::{Code, Failure};
use crate::output::progress::draw_status;
use crate::output::{Output, count, print, print_json_line, ready, ready_line};
use crate::signals::Stop;

impl Train {
    /// Trains what is there, and then each batch as it comes.
    pub(super) async fn follow(self, stop: Stop) -> Result<Code, Failure> {
        // The configuration file gives defaults, which clap does not compare.
        let others = [
            (self.retrain, "--retrain"),
            (self.dry_run, "--dry-run"),
            (self.ui.is_some(), "--ui"),
        ];
        if let Some((_, other)) = others.iter().find(|(given, _)| *given) {
            return Err(Failure::usage(format!(
                "--follow keeps models that are there and goes on until it is stopped, so {other} cannot be given with it; leave one of them out"
            )));
        }
        let cluster = self.cluster.load()?;
        let stores = Stores::from_env();
        let progress = Progress::default();
        let config = Config {
            job: self.job.read()?,
            batches: self.batches.open(&stores)?,
            models: self.models.open(&stores)?,
            only: self.model,
            existing: Existing::Keep,
            progress: progress.clone(),
            observer: Arc::new(Lines(self.output)),
            run: None,
        };
        // Before the cluster is waited for.
        check_job(&config)?;
        let bar = draw_status(&progress, "models");
        let pause = self.poll;
        let connecting = cluster.connect_or_wait(&stores, pause, &stop.token);
        let Some(connected) = connecting.await? else {
            return Ok(Code::Done);
        };
        let settings = Follow { poll: self.poll };
        let following = gugus_train::follow(config, settings, &connected.cluster, stop.token);
        let followed = connected.outlive(following).await;
        drop(bar);
        let report = followed??;
        tracing::info!(
            "followed for {:.0} s: {} trained, {} failed",
            report.seconds,
            count(report.trained),
            count(report.failed)
        );
        Ok(Code::Done)
    }
}

/// Prints a line for each model that was written or failed.
#[derive(Debug)]
struct Lines(Output);

impl Observer for Lines {
    fn model(&self, line: &ModelReport) {
        let (model, data) = (&line.model, line.data());
        let text = match line.status {
            Outcome::Trained => format!("{model} {data}: trained on {} rows", count(line.rows)),
            Outcome::Failed => {
                let reason = line.reason.as_deref().unwrap_or("no reason is known");
                format!("{model} {data}: failed: {reason}")
            }
            Outcome::Skipped | Outcome::Planned => return,
        };
        // The models are written even if nobody reads the lines.
        let _ = match self.0 {
            Output::Text => print(&text),
            Output::Json => print_json_line(line),
        };
    }

    fn caught_up(&self) {
        match self.0 {
            Output::Text => ready(&[]),
            // Then each line of standard output is a JSON object.
            Output::Json => eprintln!("{}", ready_line(&[])),
        }
    }
}

//! A topic of the shared Kafka, with a job that reads it and a folder for its batches.

use std::path::PathBuf;

use crate::kit::kafka::Kafka;
use crate::kit::process::{Gugus, Output, run};
use crate::kit::work::Work;

/// The topic's name is the job's, so its group is its own.
pub(crate) struct Topic {
    pub(crate) kafka: &'static Kafka,
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) work: Work,
    pub(crate) job: String,
}

impl Topic {
    /// None, and a line that says so, where there is no Kafka. `job` gives the job file for the topic's name.
    pub(crate) fn new(
        prefix: &str,
        partitions: i32,
        job: impl FnOnce(&str) -> String,
    ) -> Option<Self> {
        let kafka = Kafka::shared()?;
        let name = kafka.fresh_topic(prefix, partitions);
        let work = Work::new();
        Some(Self {
            kafka,
            job: work.write("job.toml", job(&name)),
            name,
            partitions,
            work,
        })
    }

    pub(crate) fn batches(&self) -> PathBuf {
        self.work.path("batch").into()
    }

    /// Sends a file.
    #[track_caller]
    pub(crate) fn produce(&self, file: &str, more: &[&str]) -> Output {
        let call = ["produce", "--job", &self.job, "--input", file];
        run([&call[..], &["--brokers", self.kafka.brokers()], more].concat()).expect(0)
    }

    /// `gugus ingest`, not begun yet.
    pub(crate) fn ingest(&self, more: &[&str]) -> Gugus {
        let batches = self.work.path("batch");
        let call = ["ingest", "--job", &self.job, "--batches", &batches];
        Gugus::new([&call[..], &["--brokers", self.kafka.brokers()], more].concat())
    }

    /// Takes all that is there.
    #[track_caller]
    pub(crate) fn take(&self, more: &[&str]) -> Output {
        let all = ["--until-end", "--output", "json"];
        self.ingest(&[&all, more].concat()).run()
    }
}

//! `--start` and `--on-reset`: where reading a topic begins and goes on.

use clap::{Args, ValueEnum};
use gugus_ingest::Start;
use gugus_ingest::ingest;

/// Where reading a topic begins, and where it goes on.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// Where to begin in partitions that no batch knows yet: earliest, latest, a time (RFC 3339), or P:OFFSET,…
    #[arg(long, value_name = "START", default_value = "earliest")]
    pub(crate) start: Start,
    /// What to do if the topic no longer holds the next record, because the topic was recreated or truncated, or Kafka
    /// deleted records before they were taken; the footer of the next batch records the jump
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_reset: OnReset,
}

impl Reading {
    pub(crate) fn on_reset(&self) -> ingest::OnReset {
        match self.on_reset {
            OnReset::Stop => ingest::OnReset::Stop,
            OnReset::Earliest => ingest::OnReset::Earliest,
            OnReset::Latest => ingest::OnReset::Latest,
        }
    }
}

/// What to do if the topic no longer holds the next record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum OnReset {
    /// Stop with an error.
    #[default]
    Stop,
    /// Go on with the first record that the topic holds now.
    Earliest,
    /// Go on with the first record that arrives from now on.
    Latest,
}

//! `gugus produce`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use gugus_ingest::produce::{self, Config, OnBadRow, Pace};
use gugus_progress::Progress;

use crate::exit::{Code, Failure, unless_stopped};
use crate::flags::job_file::JobFile;
use crate::flags::kafka::KafkaClient;
use crate::flags::rate::rate;
use crate::output::progress::draw;
use crate::output::{Output, count};
use crate::signals::Stop;

/// Send the records of a CSV file to a job's Kafka topic, one JSON object per record
///
/// Use the command to try a job with records of your own. It sends each cell as a text under its column's name, and takes
/// partitions in turn. For a job with format = "csv" each record is one CSV row.
///
/// Example: gugus produce --job jobs/crime.toml --brokers 127.0.0.1:9092 --input crimes.csv --rate 100/s
///
/// Next: `gugus ingest` takes the records from the topic.
#[derive(Debug, Args)]
pub(crate) struct Produce {
    #[command(flatten)]
    job: JobFile,
    #[command(flatten)]
    client: KafkaClient,
    /// The CSV file to read, also .csv.gz; - is standard input
    #[arg(long, value_name = "FILE.csv")]
    input: PathBuf,
    /// Begin with the row at this line of the file, to go on where an earlier run stopped
    #[arg(long, value_name = "N")]
    from_line: Option<u64>,
    /// What to do with a row that cannot be sent
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_bad_row: WhatToDo,
    /// The file to which --on-bad-row skip appends skipped rows with their reasons; when absent, it is in the current folder
    /// and named after the input, with .skipped.jsonl behind it
    #[arg(long, value_name = "FILE")]
    skipped: Option<PathBuf>,
    /// Send this many records per second; when absent, as many as the broker takes
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<f64>,
    /// Wait between two records: this long, or each time a random time of this range
    #[arg(long, value_name = "0.5s..1.5s", value_parser = delay, conflicts_with = "rate")]
    delay: Option<RangeInclusive<Duration>>,
    /// Stop after this many records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

/// What to do with a row that cannot be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum WhatToDo {
    /// Stop with an error that says how to go on.
    #[default]
    Stop,
    /// Write the row and the reason to a file, and go on.
    Skip,
}

fn delay(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let wrong = || "write a time or a range of times, for example 1s or 0.5s..1.5s".to_owned();
    let (low, high) = text.split_once("..").unwrap_or((text, text));
    let (low, high) = (
        seconds(low).ok_or_else(wrong)?,
        seconds(high).ok_or_else(wrong)?,
    );
    if low <= high {
        Ok(low..=high)
    } else {
        Err(wrong())
    }
}

/// `0.5s` as well as everything humantime reads, which knows no fractions.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let fraction = text
        .strip_suffix('s')
        .and_then(|number| number.parse::<f64>().ok());
    match fraction {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => humantime::parse_duration(text).ok(),
    }
}

impl Produce {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let progress = Progress::default();
        let bar = draw(&progress, "bytes");
        let pace = match (self.rate, self.delay) {
            (Some(rate), _) => Pace::Rate(rate),
            (None, Some(delay)) => Pace::Delay(delay),
            (None, None) => Pace::Full,
        };
        let client = self.client.properties()?;
        let on_bad_row = match self.on_bad_row {
            WhatToDo::Stop => OnBadRow::Stop,
            WhatToDo::Skip => OnBadRow::Skip(match self.skipped {
                Some(path) => path,
                None => skipped_path(&self.input),
            }),
        };
        let skipped = match &on_bad_row {
            OnBadRow::Stop => String::new(),
            OnBadRow::Skip(path) => path.display().to_string(),
        };
        let config = Config {
            source: self.job.read()?.source,
            brokers: self.client.brokers,
            input: self.input,
            from_line: self.from_line,
            on_bad_row,
            pace,
            limit: self.limit,
            client,
            progress,
        };
        let result = produce::run(config, stop.token.clone()).await;
        drop(bar);
        let summary = result?;
        self.output.show(&summary, || {
            let mut text = format!(
                "sent {} records to {} in {:.1} s",
                count(summary.records),
                summary.topic,
                summary.seconds
            );
            if summary.skipped > 0 {
                let rows = count(summary.skipped);
                text.push_str(&format!("; skipped {rows} rows, which are in {skipped}"));
            }
            if let Some(line) = summary.next_line {
                text.push_str(&format!("; to go on add --from-line {line}"));
            }
            text
        })?;
        unless_stopped(
            &stop,
            "stopped before the end of the file; what was sent is confirmed by the broker",
        )?;
        Ok(if summary.records == 0 && summary.skipped > 0 {
            eprintln!("warning: no row could be sent, all are in {skipped}");
            Code::AllRejected
        } else {
            Code::Done
        })
    }
}

/// The file of skipped rows, in the current folder.
fn skipped_path(input: &Path) -> PathBuf {
    let name = input.file_name().filter(|_| input != Path::new("-"));
    let name = name.map_or("stdin".into(), |name| name.to_string_lossy());
    PathBuf::from(format!("{name}.skipped.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_read_as_people_write_them() {
        let range = delay("0.5s..1.5s").unwrap();
        assert_eq!(
            range,
            Duration::from_millis(500)..=Duration::from_millis(1500)
        );
        assert_eq!(
            delay("20ms").unwrap(),
            Duration::from_millis(20)..=Duration::from_millis(20)
        );
        for wrong in ["", "x", "2s..1s", "-1s"] {
            assert!(delay(wrong).is_err(), "{wrong}");
        }
    }
}

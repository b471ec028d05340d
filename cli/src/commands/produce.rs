//! `gugus produce`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gugus_ingest::produce::{self, Config, Form, Pace};

use crate::exit::{Code, Failure, unless_stopped};
use crate::flags::job_file::JobFile;
use crate::flags::kafka::KafkaClient;
use crate::output::progress::progress;
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
    /// The CSV file to read, also .csv.gz
    #[arg(long, value_name = "FILE.csv")]
    input: PathBuf,
    /// Send this many records per second; when absent, as many as the broker takes
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<f64>,
    /// Wait this long between two records: each time a random time of the range
    #[arg(long, value_name = "0.5s..1.5s", value_parser = delay, conflicts_with = "rate")]
    delay: Option<RangeInclusive<Duration>>,
    /// Stop after this many records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches("/s").trim();
    match number.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("write records a second, for example 100/s".to_owned()),
    }
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
        let bar = progress(None, "records");
        let pace = match (self.rate, self.delay) {
            (Some(rate), _) => Pace::Rate(rate),
            (None, Some(delay)) => Pace::Delay(delay),
            (None, None) => Pace::Full,
        };
        let client = self.client.properties()?;
        let source = self.job.read()?.source;
        let config = Config {
            topic: source.topic.clone(),
            form: Form::of(&source),
            brokers: self.client.brokers,
            input: self.input,
            pace,
            limit: self.limit,
            client,
            progress: bar.clone(),
        };
        let result = produce::run(config, stop.token.clone()).await;
        bar.finish_and_clear();
        let summary = result?;
        self.output.show(&summary, || {
            format!(
                "sent {} records to {} in {:.1} s",
                count(summary.records),
                summary.topic,
                summary.seconds
            )
        })?;
        unless_stopped(
            &stop,
            "stopped before the end of the file; what was sent is confirmed by the broker",
        )?;
        Ok(Code::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_are_read_as_people_write_them() {
        assert_eq!(rate("100/s"), Ok(100.0));
        assert_eq!(rate("0.5"), Ok(0.5));
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
        assert!(rate("0").is_err() && rate("inf").is_err());
    }
}

//! Where reading begins in partitions that no batch knows yet.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Where `ingest` begins. It counts only for a partition that the newest footer has no end for.
///
/// ```
/// use gugus_ingest::Start;
/// assert_eq!("latest".parse(), Ok(Start::Latest));
/// assert_eq!("2024-05-01T06:00:00Z".parse(), Ok(Start::Timestamp(1_714_543_200_000)));
/// assert_eq!("0:17,2:4".parse(), Ok(Start::Offsets([(0, 17), (2, 4)].into())));
/// assert!("tomorrow".parse::<Start>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the first record in the topic.
    #[default]
    Earliest,
    /// With the first record that arrives.
    Latest,
    /// With the first record of that time or later, in ms since 1970, UTC.
    Timestamp(i64),
    /// At these offsets, by partition; partitions that are not named begin with their first record.
    Offsets(BTreeMap<i32, i64>),
}

/// A text that is not a start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no start; it is earliest, latest, a time such as 2024-05-01T06:00:00Z (UTC without a zone) or \
     2024-05-01, milliseconds since 1970, or offsets by partition such as 0:120,1:97"
)]
pub struct StartError {
    text: String,
}

impl FromStr for Start {
    type Err = StartError;

    fn from_str(text: &str) -> Result<Self, StartError> {
        let text = text.trim();
        let start = match text {
            "earliest" => Some(Self::Earliest),
            "latest" => Some(Self::Latest),
            _ => milliseconds(text)
                .map(Self::Timestamp)
                .or_else(|| offsets(text).map(Self::Offsets)),
        };
        start.ok_or_else(|| StartError {
            text: text.to_owned(),
        })
    }
}

fn milliseconds(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time.and_utc().timestamp_millis());
        }
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis());
    }
    text.parse().ok().filter(|ms| *ms >= 0)
}

fn offsets(text: &str) -> Option<BTreeMap<i32, i64>> {
    let mut offsets = BTreeMap::new();
    for part in text.split(',') {
        let (partition, offset) = part.trim().split_once(':')?;
        let partition = partition
            .trim()
            .parse()
            .ok()
            .filter(|partition: &i32| *partition >= 0)?;
        let offset = offset
            .trim()
            .parse()
            .ok()
            .filter(|offset: &i64| *offset >= 0)?;
        if offsets.insert(partition, offset).is_some() {
            return None;
        }
    }
    Some(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        for (text, start) in [
            ("earliest", Start::Earliest),
            (" latest ", Start::Latest),
            ("0", Start::Timestamp(0)),
            ("1970-01-02", Start::Timestamp(86_400_000)),
            ("1970-01-01 00:00:01", Start::Timestamp(1_000)),
            ("1970-01-01T00:00:01.5", Start::Timestamp(1_500)),
            ("1970-01-01T01:00:00+01:00", Start::Timestamp(0)),
            ("3:0", Start::Offsets([(3, 0)].into())),
            ("0:1, 1:2", Start::Offsets([(0, 1), (1, 2)].into())),
        ] {
            assert_eq!(text.parse(), Ok(start), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_its_text() {
        for text in [
            "",
            "0:1,0:2",
            "-1:5",
            "1:-5",
            "a:b",
            "1:",
            "-5",
            "end",
            "2024-13-01",
        ] {
            let error = text.parse::<Start>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}

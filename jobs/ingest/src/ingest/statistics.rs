//! The part of librdkafka's statistics that we read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::connection::News;

#[derive(serde::Deserialize)]
pub(super) struct Statistics {
    #[serde(default)]
    brokers: BTreeMap<String, BrokerStatistics>,
    #[serde(default)]
    topics: BTreeMap<String, TopicStatistics>,
}

#[derive(serde::Deserialize)]
struct BrokerStatistics {
    nodeid: i32,
    /// Microseconds since the broker last sent something; -1 if it never did.
    #[serde(default = "never")]
    rxidle: i64,
    /// `logical` for the coordinator of the group: a connection of its own to one of the other brokers.
    #[serde(default)]
    source: String,
}

#[derive(serde::Deserialize)]
struct TopicStatistics {
    #[serde(default)]
    partitions: BTreeMap<i32, PartitionStatistics>,
}

#[derive(serde::Deserialize)]
struct PartitionStatistics {
    /// The offset behind the last record that a consumer may see. Open transactions hide later records.
    ls_offset: i64,
    /// The broker to read from; -1 if there is none.
    #[serde(default = "nobody")]
    leader: i32,
}

fn never() -> i64 {
    -1
}

fn nobody() -> i32 {
    -1
}

impl BrokerStatistics {
    /// Whether it is a connection to a broker by its number, and neither to the coordinator nor to an address of --brokers whose
    /// number is not known yet.
    fn is_numbered(&self) -> bool {
        self.nodeid >= 0 && self.source != "logical"
    }
}

impl Statistics {
    pub(super) fn news(&self) -> News {
        let heard = || self.brokers.values().filter(|broker| broker.rxidle >= 0);
        let shortest = |silence: &mut dyn Iterator<Item = i64>| {
            let silence = silence.min().and_then(|micros| u64::try_from(micros).ok());
            silence.map(Duration::from_micros)
        };
        let leaders = || heard().filter(|broker| broker.is_numbered());
        let silence = |partition: &PartitionStatistics| {
            let leader = leaders().filter(|broker| broker.nodeid == partition.leader);
            shortest(&mut leader.map(|broker| broker.rxidle))
        };
        // One consumer has one topic. The end of a partition that was not asked for yet is -1001.
        let partitions = || {
            let topics = self.topics.values();
            topics
                .flat_map(|t| &t.partitions)
                .filter(|(id, _)| **id >= 0)
        };
        let is_unheard = |partition: &PartitionStatistics| {
            let mut all = self.brokers.values();
            let is_there = all.any(|b| b.nodeid == partition.leader && b.is_numbered());
            is_there && silence(partition).is_none()
        };
        // The end of a partition is old news if its leader was not heard.
        let high = partitions().filter(|(_, p)| p.ls_offset >= 0 && silence(p).is_some());
        News {
            came: Some(Instant::now()),
            highs: high.map(|(id, p)| (*id, p.ls_offset)).collect(),
            silence: partitions()
                .filter_map(|(id, p)| Some((*id, silence(p)?)))
                .collect(),
            unheard: partitions()
                .filter(|(_, p)| is_unheard(p))
                .map(|(id, _)| *id)
                .collect(),
            all_silent: shortest(&mut heard().map(|broker| broker.rxidle)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_that_of_the_leader_and_not_of_the_coordinator() {
        let text = br#"{
            "brokers": {
                "a:9092/1": { "nodeid": 1, "rxidle": 5000000, "source": "learned" },
                "b:9092/2": { "nodeid": 2, "rxidle": 70000, "source": "configured" },
                "c:9092/3": { "nodeid": 3, "rxidle": -1, "source": "learned" },
                "d:9092/bootstrap": { "nodeid": -1, "rxidle": 90000, "source": "configured" },
                "GroupCoordinator": { "nodeid": 1, "rxidle": 20000, "source": "logical" }
            },
            "topics": { "t": { "partitions": {
                "-1": { "ls_offset": 0, "leader": 0 },
                "0": { "ls_offset": 17, "leader": 1 },
                "1": { "ls_offset": -1001, "leader": 2 },
                "2": { "ls_offset": 3, "leader": 3 },
                "3": { "ls_offset": 4, "leader": -1 }
            } } }
        }"#;
        let news = serde_json::from_slice::<Statistics>(text).unwrap().news();
        assert_eq!(news.highs, [(0, 17)].into());
        let silence = [(0, 5_000), (1, 70)].map(|(id, ms)| (id, Duration::from_millis(ms)));
        assert_eq!(news.silence, silence.into());
        assert_eq!(
            news.unheard,
            [2].into(),
            "a partition without a leader is not"
        );
        assert_eq!(news.all_silent, Duration::from_millis(20));
        let none = serde_json::from_slice::<Statistics>(b"{}").unwrap().news();
        assert_eq!(none.all_silent, Duration::ZERO);
    }
}

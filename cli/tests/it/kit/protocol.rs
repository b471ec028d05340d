//! The protocols by which a Kafka group shares its partitions.

use std::fmt;

/// How the group shares its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Classic, everything revoked at each rebalance.
    Eager,
    /// Classic, only what moves is revoked.
    Cooperative,
    /// KIP-848: the broker assigns, and sets the session's length.
    Consumer,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Eager, Self::Cooperative, Self::Consumer];

    /// Seeds take turns.
    pub(crate) fn of(seed: u64) -> Self {
        Self::ALL[(seed % 3) as usize]
    }

    /// Properties for `-K`, with sessions of [`SESSION_MS`].
    pub(crate) fn properties(self) -> Vec<(String, String)> {
        let classic = |assignor| {
            vec![
                ("group.protocol", "classic"),
                ("partition.assignment.strategy", assignor),
                ("session.timeout.ms", SESSION_MS),
                ("heartbeat.interval.ms", "300"),
            ]
        };
        let pairs = match self {
            Self::Eager => classic("range"),
            Self::Cooperative => classic("cooperative-sticky"),
            Self::Consumer => vec![("group.protocol", "consumer")],
        };
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        pairs.into_iter().map(owned).collect()
    }

    /// The same properties as arguments of a command.
    pub(crate) fn flags(self) -> impl Iterator<Item = String> {
        let properties = self.properties().into_iter();
        properties.flat_map(|(key, value)| ["-K".to_owned(), format!("{key}={value}")])
    }
}

/// How long a member may be silent before the group gives its partitions away. Short, for a frozen one has to be
/// waited for that long.
pub(crate) const SESSION_MS: &str = "1500";

/// The broker's share of it, for [`Protocol::Consumer`].
pub(crate) const BROKER: &str =
    "group.consumer.session.timeout.ms=1500\ngroup.consumer.heartbeat.interval.ms=300\n";

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eager => "classic range",
            Self::Cooperative => "classic cooperative-sticky",
            Self::Consumer => "consumer",
        })
    }
}

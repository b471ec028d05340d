//! What a seed decides.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws. One seed feeds several, which must not depend on how often the others draw.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// `purpose` keeps the streams of one seed apart.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(purpose);
        Self(rng)
    }

    /// A number from 0 to `n` - 1.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// True `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A time between the two, in ms.
    pub(crate) fn time(&mut self, least: usize, most: usize) -> Duration {
        Duration::from_millis((least + self.below(most - least + 1)) as u64)
    }

    /// Puts them in an order of chance.
    pub(crate) fn shuffle<T>(&mut self, cards: &mut [T]) {
        for last in (1..cards.len()).rev() {
            cards.swap(last, self.below(last + 1));
        }
    }
}

/// What happens to a frozen process in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thaw {
    /// It goes on, with what it held when the group took its partitions away.
    GoOn,
    /// It is told to stop the moment it wakes up.
    Stop,
    /// It is killed in its sleep.
    Kill,
}

/// How long the disk stays full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spell {
    /// Shorter than a commit is tried for: nobody may end.
    Short,
    /// Until somebody gave up.
    Long,
}

/// One thing that is done to the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// SIGKILL, and a new process.
    Kill,
    /// SIGSTOP for longer than a session lasts.
    Freeze(Thaw),
    /// SIGTERM, and a new process: two rebalances.
    Stop,
    /// One more member for a while.
    Join,
    /// The broker is killed, and comes back.
    Broker,
    /// No process can write a file.
    FullDisk(Spell),
    /// The member within the test, whose store lies about its writes, leaves and comes back.
    Inside,
}

/// Each kind at least once: any schedule that is as long as this has all of them.
pub(super) const DECK: [Step; 11] = [
    Step::Kill,
    Step::Freeze(Thaw::GoOn),
    Step::Freeze(Thaw::GoOn),
    Step::Freeze(Thaw::Stop),
    Step::Freeze(Thaw::Kill),
    Step::Stop,
    Step::Join,
    Step::Broker,
    Step::FullDisk(Spell::Short),
    Step::FullDisk(Spell::Long),
    Step::Inside,
];

/// The steps of a seed: decks of all kinds, each shuffled.
pub(super) fn schedule(seed: u64, steps: usize) -> Vec<Step> {
    let mut draw = Draw::new(seed, 1);
    let mut schedule = Vec::new();
    while schedule.len() < steps {
        let mut deck = DECK;
        draw.shuffle(&mut deck);
        schedule.extend(deck);
    }
    schedule.truncate(steps);
    schedule
}

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
    pub(super) fn of(seed: u64) -> Self {
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
}

/// How long a member may be silent before the group gives its partitions away. Short, for a frozen one has to be
/// waited for that long.
pub(super) const SESSION_MS: &str = "1500";

/// The broker's share of it, for [`Protocol::Consumer`].
pub(super) const BROKER: &str =
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

/// How often each kind is in a schedule, for people.
pub(super) fn by_kind(schedule: &[Step]) -> String {
    let mut counts: BTreeMap<Step, usize> = BTreeMap::new();
    for step in schedule {
        *counts.entry(*step).or_default() += 1;
    }
    let texts = counts
        .iter()
        .map(|(step, count)| format!("{count} {step:?}"));
    texts.collect::<Vec<_>>().join(", ")
}

//! What a seed decides.

use std::collections::BTreeMap;

use gugus_damage::Draw;

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

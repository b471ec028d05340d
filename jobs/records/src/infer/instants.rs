//! The formats that a column of instants may have.

use std::sync::LazyLock;

use gugus_spec::{TimestampFormat, parse_iso_timestamp};

/// What files have, in the order in which a job should try them.
const COMMON: [(&str, Order); 29] = [
    ("%m/%d/%y %I:%M:%S %p", Order::MonthFirst),
    ("%m/%d/%y %I:%M %p", Order::MonthFirst),
    ("%m/%d/%y %H:%M:%S", Order::MonthFirst),
    ("%m/%d/%y %H:%M", Order::MonthFirst),
    ("%m/%d/%y", Order::MonthFirst),
    ("%m/%d/%Y %I:%M:%S %p", Order::MonthFirst),
    ("%m/%d/%Y %I:%M %p", Order::MonthFirst),
    ("%m/%d/%Y %H:%M:%S", Order::MonthFirst),
    ("%m/%d/%Y %H:%M", Order::MonthFirst),
    ("%m/%d/%Y", Order::MonthFirst),
    ("%m-%d-%Y %H:%M:%S", Order::MonthFirst),
    ("%m-%d-%Y %H:%M", Order::MonthFirst),
    ("%m-%d-%Y", Order::MonthFirst),
    ("%d/%m/%Y %H:%M:%S", Order::DayFirst),
    ("%d/%m/%Y %H:%M", Order::DayFirst),
    ("%d/%m/%Y", Order::DayFirst),
    ("%d-%m-%Y %H:%M:%S", Order::DayFirst),
    ("%d-%m-%Y %H:%M", Order::DayFirst),
    ("%d-%m-%Y", Order::DayFirst),
    ("%d.%m.%Y %H:%M:%S", Order::Plain),
    ("%d.%m.%Y %H:%M", Order::Plain),
    ("%d.%m.%Y", Order::Plain),
    ("%Y/%m/%d %H:%M:%S", Order::Plain),
    ("%Y/%m/%d %H:%M", Order::Plain),
    ("%Y/%m/%d", Order::Plain),
    ("%Y-%m-%d %H:%M:%S", Order::Plain),
    ("%Y-%m-%dT%H:%M:%S%.f", Order::Plain),
    ("%Y-%m-%d", Order::Plain),
    ("%d-%b-%Y", Order::Plain),
];

/// What a format takes for the first of two numbers that could be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    MonthFirst,
    DayFirst,
    /// Nobody would read it otherwise.
    Plain,
}

static COMPILED: LazyLock<Vec<Option<TimestampFormat>>> = LazyLock::new(|| {
    let compile = |(format, _): &(&str, Order)| TimestampFormat::new(format).ok();
    COMMON.iter().map(compile).collect()
});

/// The instants that numbers of a file mostly mean: from 2000 to 2100, in seconds since 1970. An identifier may lie between
/// them by chance, so the range alone proves nothing.
const FIRST_SECOND: f64 = 946_684_800.0;
const LAST_SECOND: f64 = 4_102_444_800.0;

/// The format and unit of numbers of this range that may be instants.
pub(super) fn epoch(least: f64, greatest: f64) -> Option<(&'static str, &'static str)> {
    const UNITS: [(&str, &str, f64); 3] = [
        ("epoch_s", "seconds", 1.0),
        ("epoch_ms", "milliseconds", 1e3),
        ("epoch_us", "microseconds", 1e6),
    ];
    let fits = |scale: f64| least >= FIRST_SECOND * scale && greatest < LAST_SECOND * scale;
    let unit = UNITS.into_iter().find(|(.., scale)| fits(*scale))?;
    Some((unit.0, unit.1))
}

/// How many sets of formats are told apart; a column with more of them holds no instants.
const MOST_SETS: usize = 64;

/// Which formats read the values of a column.
#[derive(Debug)]
pub(super) struct Instants {
    /// Whether ISO 8601 reads all.
    iso: bool,
    /// For each kind of value the formats that read it, a bit each. `None` when one was read by no format.
    sets: Option<Vec<u32>>,
}

impl Default for Instants {
    fn default() -> Self {
        Self {
            iso: true,
            sets: Some(Vec::new()),
        }
    }
}

impl Instants {
    pub(super) fn add(&mut self, text: &str) {
        self.iso = self.iso && parse_iso_timestamp(text).is_some();
        let Some(sets) = &mut self.sets else { return };
        // Most values are of the kind of one before them; still each format must be asked, for a day above 12 tells.
        let mut set = 0_u32;
        for (i, format) in COMPILED.iter().enumerate() {
            let instant = format.as_ref().and_then(|format| format.parse(text));
            set |= u32::from(instant.is_some()) << i;
        }
        if set == 0 || sets.len() >= MOST_SETS {
            self.sets = None;
        } else if !sets.contains(&set) {
            sets.push(set);
        }
    }

    /// The formats to try, in this order, none for ISO 8601; and what to look at. `None` when these are no instants.
    pub(super) fn formats(&self) -> Option<(Vec<String>, Option<String>)> {
        if self.iso {
            return Some((Vec::new(), None));
        }
        let sets = self.sets.as_ref()?;
        let month_first = cover(sets, Order::DayFirst);
        let day_first = cover(sets, Order::MonthFirst);
        let both = month_first.is_some() && day_first.is_some() && month_first != day_first;
        let note = "the month may be the day: no day above 12 in the sample tells".to_owned();
        let formats = month_first.or(day_first)?;
        Some((formats, both.then_some(note)))
    }
}

/// The fewest formats, as far as a greedy choice finds them, that read all values, with none of this order among them.
fn cover(sets: &[u32], without: Order) -> Option<Vec<String>> {
    let allowed: Vec<usize> = (0..COMMON.len())
        .filter(|i| COMMON[*i].1 != without)
        .collect();
    let mut left: Vec<u32> = sets.to_vec();
    let mut chosen = Vec::new();
    while !left.is_empty() {
        let reads = |i: usize| left.iter().filter(|set| **set >> i & 1 == 1).count();
        // The first of the best: `max_by_key` would take the last.
        let best = allowed.iter().copied().rev().max_by_key(|i| reads(*i))?;
        if reads(best) == 0 {
            return None;
        }
        chosen.push(best);
        left.retain(|set| set >> best & 1 == 0);
    }
    chosen.sort_unstable();
    Some(chosen.into_iter().map(|i| COMMON[i].0.to_owned()).collect())
}

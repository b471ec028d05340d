//! Draws rows: the rows with the smallest hashes, whatever the order of the rows.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::hash::{draw, stream, uniform};
use crate::merge::Clash;
use crate::points::Points;
use crate::sites::Sites;
use crate::walk::walk;

/// A row that was drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Drawn {
    pub(crate) hash: u64,
    pub(crate) key: u64,
    pub(crate) values: Vec<f64>,
}

impl Drawn {
    /// Sorted by hash, then by key. Rows with the same hash and key are sorted by their values.
    fn order(&self, other: &Self) -> Ordering {
        let keys = (self.hash, self.key).cmp(&(other.hash, other.key));
        keys.then_with(|| {
            let mut pairs = self.values.iter().zip(&other.values);
            pairs
                .find_map(|(a, b)| Some(a.total_cmp(b)).filter(|order| order.is_ne()))
                .unwrap_or(Ordering::Equal)
        })
    }
}

/// At most `limit` rows: the rows with the smallest hashes among all that came in, in the order of the hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Draws {
    pub(crate) limit: usize,
    pub(crate) rows: Vec<Drawn>,
}

impl Draws {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            rows: Vec::new(),
        }
    }

    /// Takes all rows, then drops those beyond the limit.
    pub(crate) fn extend(&mut self, rows: Vec<Drawn>) {
        self.rows.extend(rows);
        self.rows.sort_unstable_by(Drawn::order);
        self.rows.truncate(self.limit);
    }

    /// Takes in the rows of other slices.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), Clash> {
        if self.limit != other.limit {
            return Err(Clash::Shape);
        }
        self.extend(other.rows);
        Ok(())
    }
}

/// Collects rows in any order. It never holds more than twice the limit.
struct Collector {
    draws: Draws,
    fresh: Vec<Drawn>,
    /// A row with a larger hash than this is certainly beyond the limit.
    bar: u64,
}

impl Collector {
    fn new(limit: usize) -> Self {
        Self {
            draws: Draws::new(limit),
            fresh: Vec::new(),
            bar: u64::MAX,
        }
    }

    fn offer(&mut self, hash: u64, points: &Points, row: usize) {
        self.fresh.push(Drawn {
            hash,
            key: points.keys[row],
            values: points.row(row),
        });
        if self.fresh.len() >= self.draws.limit {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.draws.extend(std::mem::take(&mut self.fresh));
        if self.draws.rows.len() >= self.draws.limit {
            self.bar = self.draws.rows.last().map_or(0, |last| last.hash);
        }
    }

    fn finish(mut self) -> Draws {
        self.settle();
        self.draws
    }
}

/// The `limit` rows with the smallest hashes.
pub(crate) fn smallest(points: &Points, seed: u64, limit: usize) -> Draws {
    let stream = stream(seed, 0);
    let mut first = Collector::new(limit);
    for (row, key) in points.keys.iter().enumerate() {
        let hash = draw(stream, *key);
        if hash <= first.bar {
            first.offer(hash, points, row);
        }
    }
    first.finish()
}

/// Draws a row with a probability in proportion to its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Odds {
    /// How many rows are drawn on average.
    pub(crate) wanted: f64,
    /// The cost of all rows together, above 0.
    pub(crate) cost: f64,
}

impl Odds {
    /// A row of this cost is drawn if its random number is below this bar. The bar never falls when the cost grows, in
    /// spite of rounding.
    fn bar(self, cost: f64) -> f64 {
        self.wanted * cost / self.cost
    }
}

/// The rows whose random number is below their bar, at most `limit` of them.
pub(crate) fn sampled(
    points: &Points,
    sites: &Sites,
    stream: u64,
    odds: Odds,
    limit: usize,
) -> Draws {
    let mut drawn = Collector::new(limit);
    walk(points, sites, &mut |area| {
        // Most rows draw a number above the bar for the largest cost in the area. For these rows only the keys are
        // read.
        let bar = odds.bar(area.reach);
        for row in sites.blocks(area.rows).flatten() {
            let hash = draw(stream, points.keys[row]);
            let number = uniform(hash);
            if number < bar && hash <= drawn.bar {
                let cost = sites.cost(area.sites, &points.row(row));
                if number < odds.bar(cost) {
                    drawn.offer(hash, points, row);
                }
            }
        }
    });
    drawn.finish()
}

//! Rows that are drawn: the few with the smallest hashes, in whatever order rows are looked at.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::hash::{draw, stream, uniform};
use crate::merge::Clash;
use crate::points::Points;
use crate::search::Searcher;
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
    /// By hash, then by key; rows that have both in common are told apart by their values.
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

/// At most `limit` rows: those with the smallest hashes among all that were offered, in this order.
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

    /// Takes all the rows, then lets go of those beyond the limit.
    pub(crate) fn extend(&mut self, rows: Vec<Drawn>) {
        self.rows.extend(rows);
        self.rows.sort_unstable_by(Drawn::order);
        self.rows.truncate(self.limit);
    }

    /// Takes in what other slices contribute.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), Clash> {
        if self.limit != other.limit {
            return Err(Clash::Shape);
        }
        self.extend(other.rows);
        Ok(())
    }
}

/// Collects rows in any order, and never holds more than twice the limit.
struct Collector {
    draws: Draws,
    fresh: Vec<Drawn>,
    /// No row with a hash above this is among the first any more.
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

/// The `limit` rows that draw the smallest numbers.
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

/// How a row is drawn with a probability in proportion to its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Odds {
    /// How many rows are to be drawn in the mean.
    pub(crate) wanted: f64,
    /// What all rows cost together, above 0.
    pub(crate) cost: f64,
}

impl Odds {
    /// The number below which a row of this cost has to draw. Never smaller for a larger cost, roundings included.
    fn bar(self, cost: f64) -> f64 {
        self.wanted * cost / self.cost
    }
}

/// The rows that draw a number below their odds, at most `limit` of them.
pub(crate) fn sampled(
    points: &Points,
    sites: &Sites,
    stream: u64,
    odds: Odds,
    limit: usize,
    searcher: &mut Searcher,
) -> Draws {
    let mut drawn = Collector::new(limit);
    walk(points, sites, &mut |area| {
        // Most rows draw a number that is too large whatever they cost, so that only keys are looked at.
        let bar = odds.bar(area.reach);
        for row in area.rows {
            let hash = draw(stream, points.keys[row]);
            let number = uniform(hash);
            if number < bar && hash <= drawn.bar {
                let cost = searcher.cost(points, sites, area.sites, row);
                if number < odds.bar(cost) {
                    drawn.offer(hash, points, row);
                }
            }
        }
    });
    drawn.finish()
}

//! How much nearer each row is to its own site than to any other, carried from pass to pass. A row whose gap is larger than
//! its sites have moved is decided without a comparison: the bounds of Hamerly (2010), as one number per row.
//!
//! # Why the bound holds
//!
//! *A gap* is a lower bound of `d(b) - d(a)`: the distance of a row to the nearest other site `b`, less that to its own site
//! `a`. [`Panels::gap`](crate::frame::Panels::gap) makes it from the scores, in the unit of the frame.
//!
//! *Carrying.* If a site moves by `p`, the distance of a row to it changes by at most `p`. So the gap shrinks by at most the
//! way of `a` and the longest way of the others. Ways are computed in double precision with a relative error below 2^-40,
//! and are made longer by 2^-20. After each operation in single precision, whose error is at most 2^-24, the gap is made
//! smaller by 2^-20. This holds for whichever way a site goes: it may jump, or come to lie on another one.
//!
//! *Deciding.* Distances of this crate are squares with a relative error below `(n + 3) 2^-53` for `n` columns. Let no row be
//! farther from a site than `D`. If the gap exceeds `g = (n + 8) 2^-50 D`, then `d(b)² - d(a)²` exceeds `g (d(a) + d(b))`, which is
//! eight times the error of both squares. So `a` is nearest by the exact rule, too, and no other site is equally near.
//!
//! *Underflow.* A way or a gap that underflows is wrong by at most 2^-149. A gap that decides exceeds [`LEAST`], so making it
//! smaller by 2^-20 takes away far more. In a smaller unit gaps are larger numbers. If the unit becomes larger by a large power of
//! two, a site has moved by about the larger unit, and no gap near underflow outlasts that. What is lost where squares underflow
//! is below 2^-260, and the square of `LEAST` is larger.
//!
//! *Overflow.* [`Panels::gap`](crate::frame::Panels::gap) gives no gap to rows far out. A row that has one is nearer to its site than
//! 2^32 units, so the square of this distance does not overflow. An infinite square is larger.

use std::ops::Range;

use crate::frame::LARGER;
use crate::sites::Sites;

/// With fewer columns, a comparison takes little longer than carrying a gap.
const COLUMNS_AT_LEAST: usize = 8;

/// No row is decided by a smaller gap.
const LEAST: f64 = 1.0 / (1_u128 << 90) as f64;

/// If a larger part of a block is undecided, all its rows are compared: reading columns in one go is faster than picking
/// rows.
const UNDECIDED_AT_MOST: (usize, usize) = (1, 2);

/// If gaps decide a smaller part of the rows than this, they do not pay.
const DECIDED_AT_LEAST: (usize, usize) = (1, 4);

/// So many passes have no gaps when gaps did not pay. Sites move less from pass to pass, so they may pay later.
const REST: usize = 6;

/// What a pass does with gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It only finds them.
    Begin,
    /// It decides by those of the last pass, and finds new ones.
    Carry,
    /// Nothing, and so many further passes do not either.
    Rest(usize),
}

/// The gap of each row, and what a pass needs to carry them.
#[derive(Debug)]
pub(crate) struct Gaps {
    of_rows: Vec<f32>,
    phase: Phase,
    /// How many rows this pass could decide.
    decided: usize,
    /// A gap is a distance times this power of two, the factor of the frame.
    factor: f64,
    /// How much a gap shrinks in this pass, by the row's site.
    ways: Vec<f32>,
    /// Larger gaps decide a row.
    least: f32,
}

impl Gaps {
    /// Carries `kept` from the sites `from` on to these sites, or begins anew for so many rows. `None` if there are few columns, or if
    /// the rows are not compared in single precision with all sites. `bounds` are those of the columns.
    pub(crate) fn carried(
        kept: Option<Self>,
        from: &[f64],
        rows: usize,
        bounds: &[[f64; 2]],
        sites: &Sites,
        among: &[u32],
    ) -> Option<Self> {
        let frame = sites.frame(among)?;
        if bounds.len() < COLUMNS_AT_LEAST || among.len() != sites.len() {
            return None;
        }
        let factor = frame.basis.factor;
        let Some(mut gaps) = kept.filter(|_| from.len() == sites.values().len()) else {
            return Some(Self {
                of_rows: vec![0.0; rows],
                phase: Phase::Begin,
                decided: 0,
                factor,
                ways: Vec::new(),
                least: 0.0,
            });
        };
        gaps.phase = gaps.next(rows);
        gaps.decided = 0;
        if gaps.phase == Phase::Carry {
            gaps.rescale(factor);
            gaps.go(from, sites.values(), bounds.len());
            gaps.least = least(bounds, sites.values(), factor);
        }
        gaps.factor = factor;
        Some(gaps)
    }

    fn next(&self, rows: usize) -> Phase {
        let (part, whole) = DECIDED_AT_LEAST;
        match self.phase {
            Phase::Carry if self.decided * whole < rows * part => Phase::Rest(REST - 1),
            Phase::Begin | Phase::Carry => Phase::Carry,
            Phase::Rest(0) => Phase::Begin,
            Phase::Rest(further) => Phase::Rest(further - 1),
        }
    }

    /// A gap that gets too large is cut off.
    fn rescale(&mut self, factor: f64) {
        if self.factor == factor {
            return;
        }
        let ratio = factor / self.factor;
        for gap in &mut self.of_rows {
            let scaled = f64::from(*gap) * ratio;
            *gap = scaled.clamp(f64::MIN, f32::MAX.into()) as f32;
        }
        self.factor = factor;
    }

    /// Notes how far the sites move.
    fn go(&mut self, from: &[f64], to: &[f64], dimensions: usize) {
        let both = from.chunks_exact(dimensions);
        let both = both.zip(to.chunks_exact(dimensions));
        let way = |(from, to): (&[f64], &[f64])| {
            let differences = from.iter().zip(to).map(|(from, to)| to - from);
            let squares = differences.map(|by| (by * self.factor) * (by * self.factor));
            squares.sum::<f64>().sqrt() * LARGER
        };
        let ways: Vec<f64> = both.map(way).collect();
        let (mut longest, mut second, mut of) = (0.0, 0.0, 0);
        for (site, way) in ways.iter().enumerate() {
            if *way > longest {
                (longest, second, of) = (*way, longest, site);
            } else if *way > second {
                second = *way;
            }
        }
        let shrinks = ways.iter().enumerate().map(|(site, way)| {
            let others = if site == of { second } else { longest };
            ((way + others) * LARGER) as f32
        });
        self.ways.clear();
        self.ways.extend(shrinks);
    }

    /// Carries the gaps of a block of rows, whose `sites` are those of the last pass. Writes down the rows that are not decided,
    /// counted from the first one. Gives `None` if all are to be compared.
    pub(crate) fn undecided<'a>(
        &mut self,
        rows: Range<usize>,
        sites: &[u32],
        undecided: &'a mut Vec<u32>,
    ) -> Option<&'a [u32]> {
        if self.phase != Phase::Carry {
            return None;
        }
        undecided.clear();
        let Self { ways, least, .. } = self;
        for (row, (gap, site)) in self.of_rows[rows].iter_mut().zip(sites).enumerate() {
            let way = ways.get(*site as usize).copied();
            // A row without a site has no gap.
            *gap = (*gap - way.unwrap_or(f32::INFINITY)) / LARGER as f32;
            let is_decided = *gap > *least;
            if !is_decided {
                undecided.push(row as u32);
            }
        }
        self.decided += sites.len() - undecided.len();
        let (part, whole) = UNDECIDED_AT_MOST;
        (undecided.len() * whole <= sites.len() * part).then_some(undecided)
    }

    /// Where a comparison writes the gaps of some rows, if they are wanted.
    pub(crate) fn wanted(&mut self, rows: Range<usize>) -> Option<&mut [f32]> {
        let rests = matches!(self.phase, Phase::Rest(_));
        (!rests).then(|| &mut self.of_rows[rows])
    }

    #[cfg(test)]
    pub(crate) fn decided(&self) -> usize {
        self.decided
    }

    /// How many bytes it takes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        (self.of_rows.capacity() + self.ways.capacity()) * size_of::<f32>()
    }
}

/// The least gap that decides a row within `bounds`.
fn least(bounds: &[[f64; 2]], sites: &[f64], factor: f64) -> f32 {
    let mut farthest = 0.0;
    for (column, [least, largest]) in bounds.iter().enumerate() {
        let of_sites = sites.iter().skip(column).step_by(bounds.len());
        let (least, largest) = of_sites.fold((*least, *largest), |(least, largest), site| {
            (least.min(*site), largest.max(*site))
        });
        let width = (largest - least) * factor;
        farthest += width * width;
    }
    let error = (bounds.len() + 8) as f64 * (4.0 * f64::EPSILON);
    ((error * farthest.sqrt() + LEAST) * LARGER) as f32
}

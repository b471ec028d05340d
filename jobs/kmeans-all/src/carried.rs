//! Bounds of the distances of each row to the sites, carried from pass to pass: one to the row's own site, and one to each bundle
//! of other sites. A row is compared only with the bundles that may have a nearer site.
//!
//! With one bundle these are the bounds of Hamerly (2010), with more of them those of Yinyang k-means (Ding et al. 2015).
//!
//! # Why the bounds hold
//!
//! *A comparison* makes them from its scores, in the unit of the frame: [`Frame::at_most`] and [`Frame::at_least`].
//!
//! *Carrying.* If a site moves by `p`, the distance of a row to it changes by at most `p`. So the upper bound grows by at most the
//! way of the row's own site, and the lower bound shrinks by at most the longest way in the bundle. Ways are computed in double
//! precision with a relative error below 2^-40, and are made longer by 2^-20. After each operation in single precision, whose error
//! is at most 2^-24, a bound is made wider by 2^-20. This holds for whichever way a site goes: it may jump, or come to lie on
//! another one. When a row goes to another site, the bundle of the site that it leaves takes in the distance to that site.
//!
//! *Deciding.* Distances of this crate are squares with a relative error below `(n + 3) 2^-53` for `n` columns. Let no row be
//! farther from a site than `D`, `a` be the own site of a row and `b` another one. If the lower bound of `d(b)` exceeds the upper
//! bound of `d(a)` by more than `g = (n + 8) 2^-50 D`, then `d(b)² - d(a)²` exceeds `g (d(a) + d(b))`, which is eight times the error
//! of both squares. So `a` is nearer than `b` by the exact rule, too. The same holds for a site that a comparison finds to be nearer
//! than `a`.
//!
//! *Underflow.* A way or a bound that underflows is wrong by at most 2^-149. Bounds that decide differ by more than [`LEAST`], so
//! making the larger one smaller by 2^-20 takes away far more. What is lost where squares underflow is below 2^-260, and the square
//! of `LEAST` is larger. A change of the unit multiplies bounds and their errors by the same power of two.
//!
//! *Overflow.* Bounds never decide a row that is far out, or has a score that is NaN: its upper bound is infinite, and its lower bound
//! is 0. Other bounds come from scores of rows that are nearer to the site than 2^32 units, and a lower bound never grows later. So if
//! bounds decide a row, the square of its distance to its own site does not overflow. An infinite square is larger.

use std::ops::Range;

use crate::frame::{Frame, LARGER, SMALLER, WIDTH};
use crate::kernel::BLOCK;
use crate::products::Distances;
use crate::rounded::Layout;
use crate::sites::Sites;

/// With fewer columns, a comparison takes little longer than carrying bounds.
const COLUMNS_AT_LEAST: usize = 8;

/// No row is decided by a smaller difference of two bounds.
const LEAST: f64 = 1.0 / (1_u128 << 90) as f64;

/// With fewer columns, several bundles do not pay: finding the least score of each takes too long beside the products.
const COLUMNS_OF_BUNDLES: usize = 32;

/// Several bundles begin when fewer rows than this change their site in a pass. Before that, sites move too far.
const CHANGED_AT_MOST: (usize, usize) = (1, 8);

/// If one bundle decides a smaller part of the rows than this, it does not pay.
const DECIDED_AT_LEAST: (usize, usize) = (1, 4);

/// Comparing a row with a panel of sites takes about as long as a product for each column, and so many more. Finding out with which
/// bundles a row is to be compared takes as long again.
const BESIDE: usize = 32;

/// So many passes at least have no bounds when those of earlier passes did not pay. Sites move less from pass to pass, so they may pay later.
const REST: usize = 6;

/// Which bounds a pass has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Those of one bundle, which it is to find.
    First,
    /// Those of one bundle.
    One,
    /// Those of as many bundles as there is room for, which it is to find.
    Begin,
    /// Those of as many bundles as there is room for.
    Many,
    /// None, and so many further passes have none either.
    Rest(usize),
}

impl Mode {
    /// Whether a pass has bounds from earlier passes.
    fn carries(self) -> bool {
        matches!(self, Self::One | Self::Many)
    }
}

/// The rows, and their last pass.
#[derive(Debug)]
pub(crate) struct Last<'a> {
    /// How many rows there are.
    pub(crate) rows: usize,
    /// The bounds of the columns.
    pub(crate) bounds: &'a [[f64; 2]],
    /// The sites of the last pass, one after another; empty if there was no last pass.
    pub(crate) centers: &'a [f64],
    /// How many rows changed their site.
    pub(crate) changed: usize,
    /// For how many bundles there is room.
    pub(crate) room: usize,
}

/// A number for each row and bundle: block after block, and in each of them bundle after bundle.
#[derive(Debug)]
pub(crate) struct Lower {
    numbers: Vec<f32>,
    bundles: usize,
}

impl Lower {
    fn place(&self, rows: &Range<usize>, bundle: usize) -> Range<usize> {
        let first = rows.start * self.bundles + bundle * rows.len();
        first..first + rows.len()
    }

    /// Those of the rows of a block.
    #[inline(always)]
    pub(crate) fn of_mut(&mut self, rows: &Range<usize>, bundle: usize) -> &mut [f32] {
        let place = self.place(rows, bundle);
        &mut self.numbers[place]
    }
}

/// The bounds of each row, and what a pass needs to carry them.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) mode: Mode,
    /// Each row is at most so far from its own site.
    pub(crate) upper: Vec<f32>,
    /// No site of a bundle is nearer, but for the row's own.
    pub(crate) lower: Lower,
    /// How many panels of [`WIDTH`] sites a bundle has.
    pub(crate) each: usize,
    /// A bound is a distance times this power of two, the factor of the frame.
    factor: f64,
    /// How far each site moves before this pass.
    ways: Vec<f32>,
    /// The longest way in each bundle.
    longest: Vec<f32>,
    /// Larger differences decide a row.
    least: Slack,
    /// How many rows this pass compared.
    rows: usize,
    /// With how many bundles it compared them, all together.
    pub(crate) pairs: usize,
}

impl Carried {
    /// Carries what the last pass `kept` on to these sites, whose frame is `frame`, or begins anew. `None` if there are few columns, or
    /// no room.
    pub(crate) fn next(
        kept: Option<Self>,
        last: &Last<'_>,
        sites: &Sites,
        frame: &Frame,
    ) -> Option<Self> {
        let (rows, columns) = (last.rows, last.bounds.len());
        if columns < COLUMNS_AT_LEAST || last.room == 0 {
            return None;
        }
        let factor = frame.basis.factor;
        let kept = kept.filter(|_| last.centers.len() == sites.values().len());
        let several = columns >= COLUMNS_OF_BUNDLES && last.room > 1 && sites.len() > WIDTH;
        let mode = match &kept {
            None => Mode::First,
            Some(kept) => kept.next_mode(last, sites.len(), several),
        };
        let panels = sites.len().div_ceil(WIDTH);
        let (rows, each) = match mode {
            Mode::First | Mode::One => (rows, panels),
            Mode::Begin | Mode::Many => (rows, panels.div_ceil(last.room)),
            Mode::Rest(_) => (0, panels),
        };
        let kept =
            kept.filter(|kept| mode.carries() && kept.each == each && kept.upper.len() == rows);
        let bundles = panels.div_ceil(each);
        let mut carried = match kept {
            Some(kept) => Self {
                mode,
                rows: 0,
                pairs: 0,
                ..kept
            },
            None => Self {
                mode,
                upper: vec![f32::INFINITY; rows],
                lower: Lower {
                    numbers: vec![0.0; rows * bundles],
                    bundles,
                },
                each,
                factor,
                ways: Vec::new(),
                longest: Vec::new(),
                least: Slack(f32::INFINITY),
                rows: 0,
                pairs: 0,
            },
        };
        carried.rescale(factor);
        carried.go(last.centers, sites.values(), columns);
        carried.least = Slack(least(last.bounds, sites.values(), factor));
        Some(carried)
    }

    /// `several` says whether there may be several bundles.
    fn next_mode(&self, last: &Last<'_>, sites: usize, several: bool) -> Mode {
        let (rows, columns) = (last.rows, last.bounds.len());
        let is_part = |count: usize, (part, whole): (usize, usize)| count * whole >= rows * part;
        let settles = !is_part(last.changed, CHANGED_AT_MOST);
        match self.mode {
            Mode::First => Mode::One,
            Mode::One if is_part(rows - self.rows, DECIDED_AT_LEAST) => Mode::One,
            Mode::One | Mode::Rest(0) if several && settles => Mode::Begin,
            Mode::One | Mode::Rest(0) if several => Mode::Rest(0),
            Mode::One => Mode::Rest(REST - 1),
            Mode::Begin => Mode::Many,
            Mode::Many => {
                let panels = sites.div_ceil(WIDTH);
                match self.took(columns) < rows * panels * columns {
                    true => Mode::Many,
                    false => Mode::Rest(REST - 1),
                }
            }
            Mode::Rest(0) => Mode::First,
            Mode::Rest(further) => Mode::Rest(further - 1),
        }
    }

    /// About how long the pass took, in products with a panel.
    fn took(&self, columns: usize) -> usize {
        (self.pairs * self.each + self.rows) * (columns + BESIDE)
    }

    /// Whether it has bounds from earlier passes.
    pub(crate) fn is_of_use(&self) -> bool {
        self.mode.carries()
    }

    /// How rows in single precision are best laid out for a pass.
    pub(crate) fn layout(&self) -> Layout {
        match self.mode {
            Mode::First | Mode::One | Mode::Rest(_) => Layout::Columns,
            Mode::Begin | Mode::Many => Layout::Rows,
        }
    }

    /// A lower bound that gets too large is cut off.
    fn rescale(&mut self, factor: f64) {
        if self.factor == factor {
            return;
        }
        let ratio = factor / self.factor;
        let scaled = |bound: &f32| f64::from(*bound) * ratio;
        for upper in &mut self.upper {
            *upper = scaled(upper) as f32;
        }
        for lower in &mut self.lower.numbers {
            *lower = scaled(lower).min(f32::MAX.into()) as f32;
        }
        self.factor = factor;
    }

    /// Notes how far the sites move. Without earlier sites no bound is carried.
    fn go(&mut self, from: &[f64], to: &[f64], dimensions: usize) {
        let both = from.chunks_exact(dimensions);
        let both = both.zip(to.chunks_exact(dimensions));
        let way = |(from, to): (&[f64], &[f64])| {
            let differences = from.iter().zip(to).map(|(from, to)| to - from);
            let squares = differences.map(|by| (by * self.factor) * (by * self.factor));
            (squares.sum::<f64>().sqrt() * LARGER) as f32
        };
        self.ways = both.map(way).collect();
        self.ways.resize(to.len() / dimensions, f32::INFINITY);
        let bundles = self.ways.chunks(self.each * WIDTH);
        let longest = bundles.map(|ways| ways.iter().fold(0.0, |most: f32, way| most.max(*way)));
        self.longest = longest.collect();
    }

    /// Carries the bounds of a block of rows, whose `own` sites are those of the last pass. Writes down the rows that are not decided,
    /// counted from the first one.
    #[inline(always)]
    pub(crate) fn undecided(&mut self, rows: &Range<usize>, own: &[u32], undecided: &mut Vec<u32>) {
        undecided.clear();
        if matches!(self.mode, Mode::First | Mode::Rest(_)) {
            undecided.extend(0..rows.len() as u32);
            return;
        }
        let mut reaches = [0.0; BLOCK];
        let reaches = &mut reaches[..rows.len()];
        let mut decided = [1_u32; BLOCK];
        let decided = &mut decided[..rows.len()];
        let slack = self.slack();
        let upper = &mut self.upper[rows.clone()];
        for ((upper, site), reach) in upper.iter_mut().zip(own).zip(&mut *reaches) {
            // A row without a site may be anywhere.
            let way = self.ways.get(*site as usize).copied();
            *upper = (*upper + way.unwrap_or(f32::INFINITY)) * LARGER as f32;
            *reach = slack.reach(*upper);
        }
        for (bundle, longest) in self.longest.iter().enumerate() {
            let lower = self.lower.of_mut(rows, bundle);
            for ((lower, reach), decided) in lower.iter_mut().zip(&*reaches).zip(&mut *decided) {
                *lower = (*lower - longest) * SMALLER;
                // A NaN does not decide.
                *decided &= u32::from(*lower > *reach);
            }
        }
        for (row, decided) in decided.iter().enumerate() {
            if *decided == 0 {
                undecided.push(row as u32);
            }
        }
    }

    /// Whether so many undecided rows of a block are compared alone, and not all rows. Counts the rows that are compared.
    pub(crate) fn narrows(&mut self, undecided: usize, rows: usize, columns: usize) -> bool {
        let narrows = match self.mode {
            Mode::First | Mode::Rest(_) => false,
            Mode::Begin | Mode::Many => true,
            Mode::One => {
                undecided * (self.each + 1) * (columns + BESIDE) < rows * self.each * columns
            }
        };
        self.rows += if narrows { undecided } else { rows };
        narrows
    }

    /// Where to write the bounds of all rows of a block, if there is one bundle.
    pub(crate) fn all(&mut self, rows: &Range<usize>) -> Option<Distances<'_>> {
        matches!(self.mode, Mode::First | Mode::One).then(|| Distances {
            upper: &mut self.upper[rows.clone()],
            lower: self.lower.of_mut(rows, 0),
        })
    }

    pub(crate) fn slack(&self) -> Slack {
        self.least
    }

    /// How many rows this pass compared.
    #[cfg(test)]
    pub(crate) fn compared(&self) -> usize {
        self.rows
    }

    /// How many bytes it takes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        let of_rows = self.upper.capacity() + self.lower.numbers.capacity();
        let of_sites = self.ways.capacity() + self.longest.capacity();
        (of_rows + of_sites) * size_of::<f32>()
    }
}

/// The least difference of two bounds that decides a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slack(f32);

impl Slack {
    /// Sites beyond this distance are certainly not nearer than one that is at most so far away.
    #[inline(always)]
    pub(crate) fn reach(self, farthest: f32) -> f32 {
        farthest * LARGER as f32 + self.0
    }
}

/// The least difference of two bounds that decides a row within `bounds`.
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

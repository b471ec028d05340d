//! The points of one slice of the data, in memory for all passes.

use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulp::Arch;
use serde::{Deserialize, Serialize};

use crate::assigned::Assigned;
use crate::bounds::{extremes, magnitude};
use crate::error::PartialError;
use crate::fixed_point::Scale;
use crate::frame::{Basis, COLUMNS_AT_MOST};
use crate::kernel::padded;
use crate::known::Known;
use crate::leaves::Leaves;
use crate::node_sums::{NodeSums, Summands};
use crate::rounded::{Layout, Rounded};
use crate::sites::Sites;
use crate::tally::Tally;
use crate::tree::Tree;

/// With fewer columns, rounding the rows in each pass takes hardly longer than reading them.
const COLUMNS_TO_ROUND: usize = 8;

/// Whether rows have weights. All slices of a training must agree on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// Every row counts once.
    #[default]
    Uniform,
    /// The column after the features is the weight of a row in centers and costs. In draws and sizes each row counts
    /// once.
    LastColumn,
}

/// The finite rows of one slice of the data, made by a [`PointsBuilder`](crate::PointsBuilder).
///
/// All passes, tasks and threads that compute on the slice share it. It also keeps the sums of tree nodes that a pass
/// makes for a [`Scale`], and where no tree pays the sites to which the last pass assigned the rows, with their bounds, or the
/// candidates that are nearest to them. The next pass uses them; they never change a result.
#[derive(Debug)]
pub struct Points {
    pub(crate) rows: usize,
    /// Each column has room for the width of a full kernel after the last row. So kernels need no second loop for the
    /// rest.
    pub(crate) columns: Vec<Vec<f64>>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) keys: Vec<u64>,
    /// The least and the largest value of each column, in this slice.
    pub(crate) bounds: Vec<[f64; 2]>,
    pub(crate) largest_weight: f64,
    pub(crate) tally: Tally,
    pub(crate) tree: Option<Tree>,
    sums: Mutex<Option<(Scale, Arc<NodeSums>)>>,
    assigned: Mutex<Option<Assigned>>,
    rounded: Mutex<RoundedState>,
    known: Mutex<Option<Known>>,
    /// Whether the rows lie elsewhere between two passes.
    lies_elsewhere: bool,
}

/// Whether the rows are kept in single precision, too.
#[derive(Debug, Default)]
enum RoundedState {
    /// There is no room for them, or they would save nothing.
    #[default]
    Unwanted,
    /// The next comparison in single precision makes them.
    Wanted,
    Made(Arc<Rounded>),
}

/// The rows of [`Points`], which may lie elsewhere between two passes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointRows {
    /// The columns and, if there are weights, the weights. All are equally long: each has room for a full kernel at its
    /// end.
    pub numbers: Vec<Vec<f64>>,
    /// One key per row.
    pub keys: Vec<u64>,
}

impl Points {
    /// Joins the parts that a builder made. Columns and weights are padded here.
    pub(crate) fn new(
        mut columns: Vec<Vec<f64>>,
        mut weights: Option<Vec<f64>>,
        keys: Vec<u64>,
        tally: Tally,
        leaves: Option<Leaves>,
    ) -> Self {
        let rows = keys.len();
        let bounds = columns.iter().map(|column| extremes(column)).collect();
        let largest_weight = weights
            .iter()
            .flatten()
            .fold(0.0, |largest: f64, weight| largest.max(*weight));
        let tree = leaves.map(|leaves| Tree::new(leaves, &columns));
        for column in columns.iter_mut().chain(&mut weights) {
            // There may be room for many rows that were left out.
            if column.capacity() / 2 > padded(rows) {
                column.shrink_to(padded(rows));
            }
            // Without this, a column that is just full would take twice its memory.
            column.reserve_exact(padded(rows) - column.len());
            column.resize(padded(rows), 0.0);
        }
        Self {
            rows,
            columns,
            weights,
            keys,
            bounds,
            largest_weight,
            tally,
            tree,
            sums: Mutex::new(None),
            assigned: Mutex::new(None),
            rounded: Mutex::default(),
            known: Mutex::default(),
            lies_elsewhere: false,
        }
    }

    /// How many rows there are to train on.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns a row has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.columns.len()
    }

    /// How many bytes these points take on the heap, with what passes will keep: sums, sites and bounds, and rows in single precision
    /// after [`Points::keep_rounded`].
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let numbers: usize = self
            .columns
            .iter()
            .chain(&self.weights)
            .map(Vec::capacity)
            .sum();
        let rounded = match *self.rounded_state() {
            RoundedState::Unwanted => 0,
            RoundedState::Wanted | RoundedState::Made(_) => self.size_of_rounded(),
        };
        let passes = self.tree_size() + self.most_assigned() + rounded;
        numbers * size_of::<f64>() + self.keys.capacity() * size_of::<u64>() + passes
    }

    /// How many bytes are left on the heap while the rows lie elsewhere.
    #[must_use]
    pub fn heap_size_without_rows(&self) -> usize {
        let (assigned, known) = (self.last_assigned(), self.last_known());
        let assigned = assigned.as_ref().map_or(0, Assigned::heap_size);
        let size = |known: &Known| Known::heap_size(self.rows, known.sites.len());
        let known = known.as_ref().map_or(0, size);
        self.tree_size() + assigned + known
    }

    /// Takes the rows out. The tree and what passes keep for each other stay. Until [`Points::put_rows`] no step can be
    /// computed.
    pub fn take_rows(&mut self) -> PointRows {
        self.forget_rounded();
        self.lies_elsewhere = true;
        let numbers = self.columns.iter_mut().chain(&mut self.weights);
        PointRows {
            numbers: numbers.map(mem::take).collect(),
            keys: mem::take(&mut self.keys),
        }
    }

    /// Puts the rows back.
    ///
    /// # Panics
    /// When they are not as many rows or columns as were taken out. Then the caller mixed up two slices.
    pub fn put_rows(&mut self, rows: PointRows) {
        assert_eq!(rows.numbers.len(), self.width(), "as many columns");
        assert_eq!(rows.keys.len(), self.rows, "as many rows");
        let numbers = self.columns.iter_mut().chain(&mut self.weights);
        for (own, numbers) in numbers.zip(rows.numbers) {
            *own = numbers;
        }
        self.keys = rows.keys;
    }

    /// Drops the bounds of the rows. The next passes compare more rows, with the same result.
    pub fn forget_bounds(&mut self) {
        if let Some(kept) = &mut *self.last_assigned() {
            kept.carried = None;
        }
    }

    /// Drops the tree and what passes kept for each other. Later passes take longer, with the same result.
    pub fn forget(&mut self) {
        self.tree = None;
        *self.sums.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        *self.last_assigned() = None;
        *self.last_known() = None;
    }

    /// How many more bytes it takes to keep the rows in single precision; 0 if that would save nothing, because there are few columns,
    /// or so many that no row is compared in single precision, or if there is a tree.
    #[must_use]
    pub fn size_of_rounded(&self) -> usize {
        let pays = (COLUMNS_TO_ROUND..=COLUMNS_AT_MOST).contains(&self.dimensions());
        match self.tree.is_none() && pays {
            true => Rounded::heap_size(self.rows, self.dimensions()),
            false => 0,
        }
    }

    /// From now on keeps the rows in single precision, too, from the next pass that compares them. Passes then take less time, with
    /// the same result.
    pub fn keep_rounded(&self) {
        let mut rounded = self.rounded_state();
        if matches!(*rounded, RoundedState::Unwanted) && self.size_of_rounded() > 0 {
            *rounded = RoundedState::Wanted;
        }
    }

    /// Drops the rows in single precision, and makes no more.
    pub fn forget_rounded(&self) {
        *self.rounded_state() = RoundedState::Unwanted;
    }

    /// The rows in single precision in this basis, if they are wanted, mostly in this layout.
    pub(crate) fn rounded(
        &self,
        basis: &Arc<Basis>,
        layout: Layout,
        arch: Arch,
    ) -> Option<Arc<Rounded>> {
        // A second thread waits for the rows that the first thread makes.
        let mut state = self.rounded_state();
        match &mut *state {
            RoundedState::Unwanted => return None,
            RoundedState::Made(made) if made.basis == *basis => {
                // Rows that a second thread reads stay as they are.
                if let Some(made) = Arc::get_mut(made) {
                    made.turn(layout);
                }
                return Some(Arc::clone(made));
            }
            RoundedState::Wanted | RoundedState::Made(_) => {}
        }
        // The old rows go before the new ones come.
        *state = RoundedState::Wanted;
        let mut made = Rounded::new(&self.columns, self.rows, basis, arch);
        made.turn(layout);
        let made = Arc::new(made);
        *state = RoundedState::Made(Arc::clone(&made));
        Some(made)
    }

    /// The basis of the rows in single precision, if there are any.
    pub(crate) fn basis(&self) -> Option<Arc<Basis>> {
        match &*self.rounded_state() {
            RoundedState::Made(made) => Some(Arc::clone(&made.basis)),
            RoundedState::Unwanted | RoundedState::Wanted => None,
        }
    }

    fn rounded_state(&self) -> MutexGuard<'_, RoundedState> {
        self.rounded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tree_size(&self) -> usize {
        self.tree.as_ref().map_or(0, |tree| {
            tree.heap_size() + NodeSums::heap_size(tree, self.dimensions(), self.weights.is_some())
        })
    }

    /// The largest magnitude in each column; 0 where there are no rows.
    pub(crate) fn largest(&self) -> Vec<f64> {
        self.bounds
            .iter()
            .map(|bounds| magnitude(*bounds))
            .collect()
    }

    /// One row, in the form that draws hand on.
    pub(crate) fn row(&self, row: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[row]).collect()
    }

    /// The weight of a row.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The sums over all rows and, if there is a tree, over the rows of its nodes, in a scale. They come from the last
    /// pass of the same scale, or are made now.
    pub(crate) fn sums(&self, scale: &Scale) -> Result<Arc<NodeSums>, PartialError> {
        // A second thread waits for the sums of the first thread and does not make them again. After a panic elsewhere
        // there are either no sums or complete sums.
        let mut kept = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, sums)) = &*kept
            && of == scale
        {
            return Ok(Arc::clone(sums));
        }
        let weight = self.weights.as_ref().map(|_| self.largest_weight);
        if !scale.holds(&self.largest(), weight) {
            return Err(PartialError::Scale);
        }
        let tree = self.tree.as_ref();
        let sums = Arc::new(NodeSums::new(self.summands(), self.rows, tree, scale));
        *kept = Some((scale.clone(), Arc::clone(&sums)));
        Ok(sums)
    }

    /// What the last pass over all rows kept, if a pass of this scale with so many sites can begin with it. A second
    /// thread gets none meanwhile, and begins anew.
    pub(crate) fn take_assigned(&self, scale: &Scale, sites: usize) -> Assigned {
        *self.last_known() = None;
        let kept = self.last_assigned().take();
        kept.filter(|kept| kept.suits(scale, sites))
            .unwrap_or_else(|| Assigned::none(scale, self.rows, sites))
    }

    /// What the last pass over all rows kept, if its sites were these. A second thread gets none meanwhile.
    pub(crate) fn assigned_to(&self, sites: &Sites) -> Option<Assigned> {
        let mut kept = self.last_assigned();
        kept.take_if(|kept| kept.centers == sites.values())
    }

    /// What the last pass over all rows kept, if its bounds can be carried on to these sites. A second thread gets none meanwhile.
    pub(crate) fn take_carried(&self, sites: &Sites) -> Option<Assigned> {
        let mut kept = self.last_assigned();
        let is_of = |kept: &mut Assigned| {
            kept.carried.is_some()
                && kept.counts.len() == sites.len()
                && sites.distinct().len() == sites.len()
        };
        kept.take_if(is_of)
    }

    /// Keeps the sites of the rows for the next pass, and their bounds, as far as [`Points::heap_size`] has room for them.
    pub(crate) fn keep_assigned(&self, mut assigned: Assigned) {
        if assigned.heap_size() > self.most_assigned() {
            assigned.carried = None;
        }
        if assigned.heap_size() <= self.most_assigned() {
            *self.last_assigned() = Some(assigned);
        }
    }

    /// Room for the nearest of these sites for each row, if there is any. What an earlier start left goes, because there is room for
    /// one of the two.
    pub(crate) fn room_for_known(&self, sites: &Sites) -> Option<Known> {
        if Known::heap_size(self.rows, sites.values().len()) > self.most_assigned() {
            return None;
        }
        *self.last_assigned() = None;
        Some(Known::new(sites.values(), self.rows))
    }

    /// Keeps the nearest candidates for a later step.
    pub(crate) fn keep_known(&self, known: Known) {
        *self.last_known() = Some(known);
    }

    /// The nearest of the first of these sites for each row, if an earlier step kept them.
    pub(crate) fn take_known(&self, sites: &Sites) -> Option<Known> {
        let known = self.last_known().take();
        known.filter(|known| sites.values().starts_with(&known.sites))
    }

    fn last_known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how many bundles of sites there is room to keep bounds, in a pass with these sites. Rows that lie elsewhere between passes have
    /// little room.
    pub(crate) fn most_bundles(&self, sites: &Sites) -> usize {
        let most = Assigned::most_bundles(self.rows, self.width(), sites.len());
        if self.lies_elsewhere {
            most.min(1)
        } else {
            most
        }
    }

    fn most_assigned(&self) -> usize {
        Assigned::most(self.rows, self.width())
    }

    /// How many numbers a row has: its columns, and the weight if there is one.
    fn width(&self) -> usize {
        self.dimensions() + usize::from(self.weights.is_some())
    }

    /// No panic leaves a change half done, because whole values are taken and kept.
    pub(crate) fn last_assigned(&self) -> MutexGuard<'_, Option<Assigned>> {
        self.assigned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The values that passes add up.
    pub(crate) fn summands(&self) -> Summands<'_> {
        Summands {
            columns: &self.columns,
            weights: self.weights.as_deref(),
        }
    }

    /// All rows, as a range.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.rows
    }
}

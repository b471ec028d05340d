//! The search for the nearest site, block by block, with the memory it needs.

use std::ops::Range;
use std::sync::Arc;

use pulp::Arch;

use crate::assigned::Assigned;
use crate::bundles::{Bundles, Carry, Compared, Narrowed};
use crate::carried::{Carried, Last};
use crate::exact_sum::ExactSum;
use crate::frame::{Frame, Panels};
use crate::kernel::{CostsOf, Kernel, LANES, NONE, Nearest, Search, SearchSome};
use crate::points::Points;
use crate::products::{Distances, Doubts, Products};
use crate::rounded::{Layout, Rounded};
use crate::sites::Sites;
use crate::walk::{Area, paying_tree, walk};

/// With fewer columns, a comparison takes little longer than reading what was kept.
const COLUMNS_TO_KEEP: usize = 8;

/// The memory that a pass over one slice needs, beside the points and the sites.
pub(crate) struct Searcher {
    pub(crate) arch: Arch,
    pub(crate) nearest: Box<Nearest>,
    tile: Vec<[f64; LANES]>,
    /// The sites, one after another.
    values: Vec<f64>,
    /// The sites, column after column; empty until [`Searcher::costs`] needs them.
    by_column: Vec<f64>,
    panels: Panels,
    /// The rows of the points, if they are kept in the basis of the panels.
    rounded: Option<Arc<Rounded>>,
    pub(crate) doubts: Doubts,
    bundles: Bundles,
    pub(crate) compared: Box<Compared>,
}

impl Searcher {
    pub(crate) fn new(kernel: Kernel, dimensions: usize) -> Self {
        Self {
            arch: kernel.arch(),
            nearest: Box::default(),
            tile: vec![[0.0; LANES]; dimensions],
            values: Vec::new(),
            by_column: Vec::new(),
            panels: Panels::default(),
            rounded: None,
            doubts: Doubts::new(dimensions),
            bundles: Bundles::default(),
            compared: Box::default(),
        }
    }

    /// Says which `sites` the next blocks are compared with.
    pub(crate) fn set_sites(&mut self, points: &Points, sites: &Sites, among: &[u32]) {
        self.set(points, sites, among, Layout::Columns);
    }

    /// Says which sites the next rows have, whose costs are computed.
    fn set_values(&mut self, sites: &Sites, among: &[u32]) {
        sites.copy(among, &mut self.values);
        self.by_column.clear();
    }

    fn set(&mut self, points: &Points, sites: &Sites, among: &[u32], layout: Layout) {
        self.set_values(sites, among);
        self.rounded = None;
        match sites.frame(among) {
            Some(frame) => {
                self.panels.set(frame, among);
                self.rounded = points.rounded(&self.panels.basis, layout, self.arch);
            }
            None => self.panels.clear(),
        }
    }

    /// As [`Searcher::set_sites`], and carries on the bounds that the last pass kept. Without room for bounds, and if not all sites are
    /// among those, there are none.
    pub(crate) fn carry<'a>(
        &mut self,
        points: &Points,
        sites: &'a Sites,
        among: &[u32],
        last: &mut Assigned,
    ) -> Option<(Carried, &'a Frame)> {
        let frame = sites.frame(among).filter(|_| among.len() == sites.len());
        let kept = last.carried.take();
        let last = Last {
            rows: points.rows(),
            bounds: &points.bounds,
            centers: &last.centers,
            changed: last.changed,
            room: points.most_bundles(sites),
        };
        let carried =
            frame.and_then(|frame| Some((Carried::next(kept, &last, sites, frame)?, frame)));
        let layout = carried
            .as_ref()
            .map_or(Layout::Columns, |(carried, _)| carried.layout());
        self.set(points, sites, among, layout);
        if let Some((carried, frame)) = &carried {
            self.bundles.set(frame, carried.each);
        }
        carried
    }

    /// Finds the nearest of these sites for each row of a block, and its cost.
    pub(crate) fn search(&mut self, points: &Points, rows: Range<usize>) {
        self.assign(points, rows.clone());
        // Exact arithmetic has told the costs.
        if !self.panels.numbers.is_empty() {
            self.costs(points, rows);
        }
    }

    /// Computes the cost of each row of a block, whose sites are known.
    fn costs(&mut self, points: &Points, rows: Range<usize>) {
        if self.by_column.is_empty() {
            let columns = points.dimensions();
            for column in 0..columns {
                let of_column = self.values.iter().skip(column).step_by(columns);
                self.by_column.extend(of_column);
            }
        }
        self.arch.dispatch(CostsOf {
            columns: &points.columns,
            rows,
            sites: &self.by_column,
            nearest: &mut self.nearest,
        });
    }

    /// Finds the nearest of these sites for each row of a block. The costs need not be told.
    pub(crate) fn assign(&mut self, points: &Points, rows: Range<usize>) {
        self.compare(points, rows, None, None);
    }

    /// As [`Searcher::assign`], but begins with the `own` sites of the last pass, and compares only rows that the bounds do not decide,
    /// which it writes down.
    pub(crate) fn assign_carried(
        &mut self,
        points: &Points,
        frame: &Frame,
        rows: Range<usize>,
        own: &[u32],
        carried: &mut Carried,
    ) {
        for (to, own) in self.nearest.site.iter_mut().zip(own) {
            *to = u64::from(*own);
        }
        self.arch.dispatch(Carry {
            carried: &mut *carried,
            rows: &rows,
            own,
            undecided: &mut self.compared.rows,
        });
        let undecided = self.compared.rows.len();
        if carried.narrows(undecided, rows.len(), points.dimensions()) {
            self.arch.dispatch(Narrowed {
                columns: &points.columns,
                rows: rows.clone(),
                frame,
                bundles: &self.bundles,
                rounded: self.rounded.as_deref(),
                own,
                carried,
                nearest: &mut self.nearest,
                compared: &mut self.compared,
                doubts: &mut self.doubts,
            });
            self.clear_doubts(points, rows);
            return;
        }
        if undecided < rows.len() {
            self.compared.rows.clear();
            self.compared.rows.extend(0..rows.len() as u32);
        }
        let bounds = carried.all(&rows);
        self.compare(points, rows, None, bounds);
    }

    fn compare(
        &mut self,
        points: &Points,
        rows: Range<usize>,
        limits: Option<&[f64]>,
        bounds: Option<Distances<'_>>,
    ) {
        let arch = self.arch;
        if self.panels.numbers.is_empty() {
            arch.dispatch(self.exactly(points, rows));
            return;
        }
        arch.dispatch(Products {
            columns: &points.columns,
            rows: rows.clone(),
            panels: &self.panels,
            rounded: self.rounded.as_deref(),
            limits,
            bounds,
            nearest: &mut self.nearest,
            doubts: &mut self.doubts,
        });
        self.clear_doubts(points, rows);
    }

    /// Finds the nearest site of the rows that are left in doubt.
    fn clear_doubts(&mut self, points: &Points, rows: Range<usize>) {
        if !self.doubts.rows.is_empty() {
            let some = std::mem::take(&mut self.doubts.rows);
            self.arch.dispatch(SearchSome {
                search: self.exactly(points, rows),
                some: &some,
            });
            self.doubts.rows = some;
        }
    }

    /// As [`Searcher::assign`], but only a site counts that is nearer to a row than its limit, a squared distance. It takes sites that
    /// are compared in single precision.
    pub(crate) fn assign_within(&mut self, points: &Points, rows: Range<usize>, limits: &[f64]) {
        self.compare(points, rows, Some(limits), None);
        let Nearest { cost, site } = &mut *self.nearest;
        for row in &self.doubts.rows {
            let row = *row as usize;
            // The limit is that of an earlier site, which counts if both are equally near.
            if cost[row] >= limits[row] {
                site[row] = NONE;
            }
        }
    }

    fn exactly<'a>(&'a mut self, points: &'a Points, rows: Range<usize>) -> Search<'a> {
        Search {
            columns: &points.columns,
            rows,
            sites: &self.values,
            nearest: &mut self.nearest,
            tile: &mut self.tile,
        }
    }
}

/// Whether a sum of costs uses the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Costs {
    Plain,
    Weighted,
}

/// The exact sum of the costs of all rows, and how many rows are nearest to each site.
pub(crate) fn costs(
    points: &Points,
    sites: &Sites,
    costs: Costs,
    searcher: &mut Searcher,
) -> (ExactSum, Vec<u64>) {
    let weights = match costs {
        Costs::Plain => None,
        Costs::Weighted => points.weights.as_deref(),
    };
    let mut sum = ExactSum::default();
    let mut add = |nearest: &mut Nearest, rows: Range<usize>| {
        let cost = &mut nearest.cost[..rows.len()];
        if let Some(weights) = weights {
            for (cost, weight) in cost.iter_mut().zip(&weights[rows]) {
                *cost *= weight;
            }
        }
        sum.add_all(cost);
    };
    // Mostly these are the centers of the last pass.
    if let Some(assigned) = points.assigned_to(sites) {
        let all: Vec<u32> = (0..sites.len() as u32).collect();
        searcher.set_values(sites, &all);
        for rows in sites.blocks(points.all()) {
            let known = assigned.sites(rows.clone()).iter();
            for (site, known) in searcher.nearest.site.iter_mut().zip(known) {
                *site = u64::from(*known);
            }
            searcher.costs(points, rows.clone());
            add(&mut searcher.nearest, rows);
        }
        let sizes = assigned.counts.clone();
        points.keep_assigned(assigned);
        return (sum, sizes);
    }
    let mut sizes = vec![0; sites.len()];
    let last = (costs == Costs::Weighted).then(|| points.take_carried(sites));
    if let Some(mut last) = last.flatten() {
        // Few passes follow, if any, so several bundles do not begin.
        last.changed = points.rows();
        let carried = searcher.carry(points, sites, sites.distinct(), &mut last);
        if let Some((mut carried, frame)) = carried.filter(|(carried, _)| carried.is_of_use()) {
            for rows in sites.blocks(points.all()) {
                let own = last.sites(rows.clone());
                searcher.assign_carried(points, frame, rows.clone(), own, &mut carried);
                searcher.costs(points, rows.clone());
                let nearest = &searcher.nearest.site[..rows.len()];
                nearest.iter().for_each(|site| sizes[*site as usize] += 1);
                add(&mut searcher.nearest, rows);
            }
            points.keep_assigned(last);
            return (sum, sizes);
        }
        points.keep_assigned(last);
    }
    let is_draw = costs == Costs::Plain && keeps_known(points, sites);
    let room = is_draw.then(|| points.room_for_known(sites));
    let mut known = room.flatten();
    walk(points, sites, &mut |area| {
        searcher.set_sites(points, sites, area.sites);
        for rows in sites.blocks(area.rows.clone()) {
            searcher.search(points, rows.clone());
            count(&area, &searcher.nearest.site[..rows.len()], &mut sizes);
            if let Some(known) = &mut known {
                let Nearest { cost, site } = &*searcher.nearest;
                let sites = site[..rows.len()]
                    .iter()
                    .map(|local| area.sites[*local as usize]);
                known.nearest.extend(sites);
                known.costs.extend_from_slice(&cost[..rows.len()]);
            }
            add(&mut searcher.nearest, rows);
        }
    });
    // After the signal, rows were left out.
    if let Some(known) = known.filter(|_| !sites.is_stopped()) {
        points.keep_known(known);
    }
    (sum, sizes)
}

/// Whether a step that compares rows with candidates should keep the nearest of them for a later step.
fn keeps_known(points: &Points, sites: &Sites) -> bool {
    points.dimensions() >= COLUMNS_TO_KEEP
        && sites.frame(sites.distinct()).is_some()
        && paying_tree(points, sites).is_none()
}

/// How many rows are nearest to each of the sites.
pub(crate) fn sizes(points: &Points, sites: &Sites, searcher: &mut Searcher) -> Vec<u64> {
    let mut sizes = vec![0; sites.len()];
    if let Some(known) = points.take_known(sites) {
        let first = known.sites.len() / points.dimensions().max(1);
        let further = sites.distinct().iter().copied();
        let further: Vec<u32> = further.filter(|site| *site as usize >= first).collect();
        if sites.frame(&further).is_some() {
            searcher.set_sites(points, sites, &further);
            for rows in sites.blocks(points.all()) {
                searcher.assign_within(points, rows.clone(), &known.costs[rows.clone()]);
                let known = &known.nearest[rows];
                for (local, known) in searcher.nearest.site.iter().zip(known) {
                    let site = match *local {
                        NONE => *known,
                        local => further[local as usize],
                    };
                    sizes[site as usize] += 1;
                }
            }
            return sizes;
        }
    }
    walk(points, sites, &mut |area| {
        if let [site] = area.sites {
            sizes[*site as usize] += area.rows.len() as u64;
            return;
        }
        searcher.set_sites(points, sites, area.sites);
        for rows in sites.blocks(area.rows.clone()) {
            let len = rows.len();
            searcher.assign(points, rows);
            count(&area, &searcher.nearest.site[..len], &mut sizes);
        }
    });
    sizes
}

fn count(area: &Area<'_>, nearest: &[u64], sizes: &mut [u64]) {
    if let [site] = area.sites {
        sizes[*site as usize] += nearest.len() as u64;
        return;
    }
    for local in nearest {
        sizes[area.sites[*local as usize] as usize] += 1;
    }
}

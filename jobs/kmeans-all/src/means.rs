//! A pass of Lloyd's iterations: the sums over the rows that are nearest to each center.

use serde::{Deserialize, Serialize};

use crate::adder::{Adder, Change, NOWHERE};
use crate::error::PartialError;
use crate::fixed_point::{Grid, Scale, quotient};
use crate::kernel::{BLOCK, SumOf};
use crate::merge::{Clash, add_counts, merge_each};
use crate::node_sums::NodeSums;
use crate::points::Points;
use crate::search::Searcher;
use crate::sites::Sites;
use crate::walk::{Area, paying_tree, walk};

/// Up to this number of possible sites, one masked sum per site is faster than adding each row to its site.
const FEW_SITES: usize = 4;

/// The sums of a pass, in fixed point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Means {
    pub(crate) scale: Scale,
    /// For each center, how many rows are nearest to it.
    pub(crate) counts: Vec<u64>,
    /// For each center, the sums of the columns times the weights. If there are weights, the sum of the weights
    /// follows.
    pub(crate) sums: Vec<i128>,
    /// The sum of all squared lengths times weights.
    pub(crate) squares: i128,
}

impl Means {
    pub(crate) fn new(scale: &Scale, centers: usize) -> Self {
        let width = scale.values.len() + usize::from(scale.weights.is_some());
        Self {
            scale: scale.clone(),
            counts: vec![0; centers],
            sums: vec![0; centers * width],
            squares: 0,
        }
    }

    fn add(&mut self, site: u32, rows: u64, sums: &[i128]) {
        self.counts[site as usize] += rows;
        let of_site = &mut self.sums[site as usize * sums.len()..][..sums.len()];
        for (sum, other) in of_site.iter_mut().zip(sums) {
            *sum += other;
        }
    }

    /// Adds the sums of other slices.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        if self.scale != other.scale {
            return Err(Clash::Shape);
        }
        add_counts(&mut self.counts, &other.counts)?;
        merge_each(&mut self.sums, &other.sums, |own, other| {
            *own = own.checked_add(*other)?;
            Some(())
        })?;
        self.squares = self.squares.checked_add(other.squares).ok_or(Clash::Full)?;
        Ok(())
    }
}

impl Means {
    /// How many sums a center has.
    fn width(&self) -> usize {
        self.scale.values.len() + usize::from(self.scale.weights.is_some())
    }

    /// The sums of one center; `None` if the center has no weight.
    pub(crate) fn share(&self, center: usize) -> Option<Share<'_>> {
        let (values, width) = (self.scale.values.len(), self.width());
        let sums = &self.sums[center * width..][..width];
        // Without weights, each row counts as one.
        let (weight, weight_unit) = match self.scale.weights {
            Some(exponent) => (sums[values].unsigned_abs(), Grid::new(exponent).unit()),
            None => (u128::from(self.counts[center]), 0),
        };
        (weight > 0).then_some(Share {
            scale: &self.scale,
            sums: &sums[..values],
            weight,
            weight_unit,
        })
    }
}

/// The sums over the rows that are nearest to one center.
pub(crate) struct Share<'a> {
    scale: &'a Scale,
    sums: &'a [i128],
    weight: u128,
    weight_unit: i32,
}

impl Share<'_> {
    /// The sum of the weights; without weights, the number of rows.
    pub(crate) fn weight(&self) -> f64 {
        quotient(self.weight.cast_signed(), 1, self.weight_unit)
    }

    /// The sum of each column, by weight.
    pub(crate) fn totals(&self) -> Vec<f64> {
        self.over(1, 0)
    }

    /// The mean of each column, by weight.
    pub(crate) fn mean(&self) -> Vec<f64> {
        self.over(self.weight, self.weight_unit)
    }

    fn over(&self, divisor: u128, unit: i32) -> Vec<f64> {
        let exponents = self.sums.iter().zip(&self.scale.values);
        exponents
            .map(|(sum, exponent)| quotient(*sum, divisor, Grid::new(*exponent).unit() - unit))
            .collect()
    }
}

/// Adds up the rows by their nearest site.
pub(crate) fn means(
    points: &Points,
    sites: &Sites,
    scale: &Scale,
    searcher: &mut Searcher,
) -> Result<Means, PartialError> {
    let of_nodes = points.sums(scale)?;
    let mut means = Means::new(scale, sites.len());
    means.squares = of_nodes.squares;
    let mut adder = Adder::new(&of_nodes, points.summands());
    if paying_tree(points, sites).is_none() {
        by_change(points, sites, &mut adder, searcher, &mut means);
        return Ok(means);
    }
    let mut scratch = Scratch::default();
    walk(points, sites, &mut |area| match (area.node, area.sites) {
        (Some(node), [site]) => {
            means.add(*site, area.rows.len() as u64, of_nodes.of(node));
        }
        (Some(node), few) if few.len() <= FEW_SITES => {
            searcher.set_sites(points, sites, few);
            let all = of_nodes.of(node);
            scratch.by_site(points, sites, &area, (&of_nodes, all), searcher, &mut means);
        }
        _ => {
            searcher.set_sites(points, sites, area.sites);
            scratch.by_row(points, sites, &area, &mut adder, searcher, &mut means);
        }
    });
    Ok(means)
}

/// Compares only the rows whose bounds do not decide them, and adds up only those that change their site since the last
/// pass.
fn by_change(
    points: &Points,
    sites: &Sites,
    adder: &mut Adder<'_>,
    searcher: &mut Searcher,
    means: &mut Means,
) {
    let mut assigned = points.take_assigned(&means.scale, sites.len());
    let mut changes = Vec::with_capacity(BLOCK);
    let all: Vec<u32> = (0..BLOCK as u32).collect();
    adder.begin(sites.len());
    walk(points, sites, &mut |area| {
        let mut carried = searcher.carry(points, sites, area.sites, &mut assigned);
        assigned.changed = 0;
        for rows in sites.blocks(area.rows.clone()) {
            let compared = match &mut carried {
                Some((carried, frame)) => {
                    let own = assigned.sites(rows.clone());
                    searcher.assign_carried(points, frame, rows.clone(), own, carried);
                    &searcher.compared.rows
                }
                None => {
                    searcher.assign(points, rows.clone());
                    &all[..rows.len()]
                }
            };
            let compared = compared.iter();
            let nearest = compared.map(|row| {
                let local = searcher.nearest.site[*row as usize];
                (*row, area.sites[local as usize])
            });
            assigned.assign(rows.clone(), nearest, &mut changes);
            adder.add(searcher.arch, &rows, &changes, &mut assigned.sums);
        }
        assigned.carried = carried.map(|(carried, _)| carried);
    });
    adder.spill(&mut assigned.sums);
    sites.values().clone_into(&mut assigned.centers);
    means.counts.clone_from(&assigned.counts);
    means.sums.clone_from(&assigned.sums);
    // After the signal, nobody asks for the sums of the rows that were moved until then.
    if !sites.is_stopped() {
        points.keep_assigned(assigned);
    }
}

/// Memory for the work on an area. It is kept from one area to the next.
#[derive(Default)]
struct Scratch {
    sums: Vec<i128>,
    counts: Vec<u64>,
    changes: Vec<Change>,
}

impl Scratch {
    /// Computes one masked sum for each site but the last. The last site gets the rest of `all`.
    fn by_site(
        &mut self,
        points: &Points,
        sites: &Sites,
        area: &Area<'_>,
        (of_nodes, all): (&NodeSums, &[i128]),
        searcher: &mut Searcher,
        means: &mut Means,
    ) {
        let (width, last) = (all.len(), area.sites.len() - 1);
        self.sums.clear();
        self.sums.resize(last * width, 0);
        self.sums.extend_from_slice(all);
        self.counts.clear();
        self.counts.resize(last, 0);
        self.counts.push(area.rows.len() as u64);
        for rows in sites.blocks(area.rows.clone()) {
            searcher.assign(points, rows.clone());
            for site in 0..last {
                let nearest = &searcher.nearest.site[..rows.len()];
                let count: u64 = nearest
                    .iter()
                    .map(|near| u64::from(*near == site as u64))
                    .sum();
                if count == 0 {
                    continue;
                }
                self.counts[site] += count;
                self.counts[last] -= count;
                for number in 0..width {
                    let sum = searcher.arch.dispatch(SumOf {
                        sum: of_nodes.summand(points.summands(), number, rows.clone()),
                        nearest: &searcher.nearest,
                        wanted: site,
                    });
                    self.sums[site * width + number] += sum;
                    self.sums[last * width + number] -= sum;
                }
            }
        }
        let sums = self.sums.chunks_exact(width);
        for ((site, count), sums) in area.sites.iter().zip(&self.counts).zip(sums) {
            means.add(*site, *count, sums);
        }
    }

    /// Adds each row to its site.
    fn by_row(
        &mut self,
        points: &Points,
        sites: &Sites,
        area: &Area<'_>,
        adder: &mut Adder<'_>,
        searcher: &mut Searcher,
        means: &mut Means,
    ) {
        let width = means.width();
        self.sums.clear();
        self.sums.resize(area.sites.len() * width, 0);
        self.counts.clear();
        self.counts.resize(area.sites.len(), 0);
        adder.begin(area.sites.len());
        for rows in sites.blocks(area.rows.clone()) {
            searcher.assign(points, rows.clone());
            let nearest = &searcher.nearest.site[..rows.len()];
            self.changes.clear();
            for (row, site) in nearest.iter().enumerate() {
                self.counts[*site as usize] += 1;
                self.changes.push(Change {
                    row: row as u32,
                    from: NOWHERE,
                    to: *site as u32,
                });
            }
            adder.add(searcher.arch, &rows, &self.changes, &mut self.sums);
        }
        adder.spill(&mut self.sums);
        let sums = self.sums.chunks_exact(width);
        for ((site, count), sums) in area.sites.iter().zip(&self.counts).zip(sums) {
            means.add(*site, *count, sums);
        }
    }
}

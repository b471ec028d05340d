//! A pass of Lloyd's iterations: the sums over the rows that are nearest to each center.

use serde::{Deserialize, Serialize};

use crate::error::PartialError;
use crate::fixed_point::{Grid, SHORT_RUN, Scale, joined, quotient};
use crate::kernel::blocks;
use crate::kernel::{BLOCK, Limbs, SumOf};
use crate::merge::{Clash, add_counts, merge_each};
use crate::node_sums::NodeSums;
use crate::points::Points;
use crate::search::Searcher;
use crate::sites::Sites;
use crate::walk::{Area, walk};

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
    /// The sums of one center; `None` if the center has no weight.
    pub(crate) fn share(&self, center: usize) -> Option<Share<'_>> {
        let values = self.scale.values.len();
        let width = values + usize::from(self.scale.weights.is_some());
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
    let mut scratch = Scratch::default();
    walk(points, sites, &mut |area| match (area.node, area.sites) {
        (Some(node), [site]) => {
            means.add(*site, area.rows.len() as u64, of_nodes.of(node));
        }
        (Some(node), few) if few.len() <= FEW_SITES => {
            searcher.set_sites(sites, few);
            let all = of_nodes.of(node);
            scratch.by_site(points, &area, (&of_nodes, all), searcher, &mut means);
        }
        _ => {
            searcher.set_sites(sites, area.sites);
            scratch.by_row(points, &area, &of_nodes, searcher, &mut means);
        }
    });
    Ok(means)
}

/// Memory for the work on an area. It is kept from one area to the next.
struct Scratch {
    sums: Vec<i128>,
    counts: Vec<u64>,
    limbs: Box<[[i64; BLOCK]; 2]>,
    short: Vec<[i64; 2]>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            sums: Vec::new(),
            counts: Vec::new(),
            limbs: Box::new([[0; BLOCK]; 2]),
            short: Vec::new(),
        }
    }
}

impl Scratch {
    /// Computes one masked sum for each site but the last. The last site gets the rest of `all`.
    fn by_site(
        &mut self,
        points: &Points,
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
        for rows in blocks(area.rows.clone()) {
            searcher.search(points, rows.clone());
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

    /// Adds the limbs of each row to those of its site.
    fn by_row(
        &mut self,
        points: &Points,
        area: &Area<'_>,
        of_nodes: &NodeSums,
        searcher: &mut Searcher,
        means: &mut Means,
    ) {
        let width = of_nodes.width();
        self.short.clear();
        self.short.resize(area.sites.len() * width, [0; 2]);
        self.counts.clear();
        self.counts.resize(area.sites.len(), 0);
        let mut run = 0;
        for rows in blocks(area.rows.clone()) {
            searcher.search(points, rows.clone());
            let nearest = &searcher.nearest.site[..rows.len()];
            for site in nearest {
                self.counts[*site as usize] += 1;
            }
            for number in 0..width {
                let sum = of_nodes.summand(points.summands(), number, rows.clone());
                searcher.arch.dispatch(Limbs {
                    sum,
                    limbs: &mut self.limbs,
                });
                let [high, low] = &*self.limbs;
                for ((site, high), low) in nearest.iter().zip(high).zip(low) {
                    let short = &mut self.short[*site as usize * width + number];
                    short[0] += high;
                    short[1] += low;
                }
            }
            run += BLOCK;
            if run == SHORT_RUN {
                self.spill(area, width, means);
                run = 0;
            }
        }
        self.spill(area, width, means);
    }

    /// Adds the 64-bit sums to the wide sums.
    fn spill(&mut self, area: &Area<'_>, width: usize, means: &mut Means) {
        self.sums.clear();
        self.sums
            .extend(self.short.iter().map(|limbs| joined(*limbs)));
        let sums = self.sums.chunks_exact(width);
        for ((site, count), sums) in area.sites.iter().zip(&self.counts).zip(sums) {
            means.add(*site, *count, sums);
        }
        self.short.fill([0; 2]);
        self.counts.fill(0);
    }
}

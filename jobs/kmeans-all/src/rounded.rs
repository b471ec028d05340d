//! The rows of a slice in single precision, kept from pass to pass, so that a comparison reads half as much and rounds nothing.
//! They are laid out in the order in which a comparison reads them.

use std::ops::Range;
use std::sync::Arc;

use pulp::{Arch, Simd, WithSimd};

use crate::frame::Basis;
use crate::kernel::{BLOCK, blocks};

/// How many rows are compared with the sites at once. With a hundred columns they still fit the first cache.
pub(crate) const GROUP: usize = 64;

/// Rows in single precision, and their squared lengths.
#[derive(Debug)]
pub(crate) struct Rounded {
    pub(crate) basis: Arc<Basis>,
    /// Group after group, and in each of them column after column.
    groups: Vec<[f32; GROUP]>,
    norms: Vec<f32>,
}

impl Rounded {
    /// So many rows in this basis.
    pub(crate) fn new(values: &[Vec<f64>], rows: usize, basis: &Arc<Basis>, arch: Arch) -> Self {
        let columns = values.len();
        let mut groups = vec![[0.0; GROUP]; rows.div_ceil(GROUP) * columns];
        let mut norms = vec![0.0; rows];
        for (block, norms) in blocks(0..rows).zip(norms.chunks_mut(BLOCK)) {
            let first = block.start / GROUP * columns;
            let count = block.len().div_ceil(GROUP) * columns;
            arch.dispatch(Round {
                columns: values,
                rows: block,
                some: None,
                basis,
                groups: &mut groups[first..][..count],
                norms,
            });
        }
        let basis = Arc::clone(basis);
        Self {
            basis,
            groups,
            norms,
        }
    }

    /// How many bytes so many rows take on the heap.
    pub(crate) fn heap_size(rows: usize, columns: usize) -> usize {
        (rows.next_multiple_of(GROUP) * columns + rows) * size_of::<f32>()
    }

    /// The groups from `row` on, which begins a group, and the lengths of their rows.
    #[inline(always)]
    pub(crate) fn from(&self, row: usize) -> (&[[f32; GROUP]], &[f32]) {
        let first = row / GROUP * self.basis.origin.len();
        (&self.groups[first..], &self.norms[row..])
    }

    /// Copies some rows, counted from `start`, to `groups` and `norms`.
    #[inline(always)]
    pub(crate) fn pick(
        &self,
        start: usize,
        some: &[u32],
        groups: &mut [[f32; GROUP]],
        norms: &mut [f32],
    ) {
        let columns = self.basis.origin.len();
        for (place, row) in some.iter().enumerate() {
            let row = start + *row as usize;
            norms[place] = self.norms[row];
            let from = &self.groups[row / GROUP * columns..][..columns];
            let to = &mut groups[place / GROUP * columns..][..columns];
            for (to, from) in to.iter_mut().zip(from) {
                to[place % GROUP] = from[row % GROUP];
            }
        }
    }
}

/// Moves rows into a basis and rounds them to single precision. It reads each column in one go, which is faster than group by
/// group.
pub(crate) struct Round<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) rows: Range<usize>,
    /// Only these of the rows, counted from the first one; all if `None`.
    pub(crate) some: Option<&'a [u32]>,
    pub(crate) basis: &'a Basis,
    pub(crate) groups: &'a mut [[f32; GROUP]],
    /// One for each row.
    pub(crate) norms: &'a mut [f32],
}

impl WithSimd for Round<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.norms.fill(0.0);
        let Basis { origin, factor } = self.basis;
        for (number, (column, origin)) in self.columns.iter().zip(origin).enumerate() {
            let groups = self.groups[number..].iter_mut().step_by(self.columns.len());
            let groups = groups.zip(self.norms.chunks_mut(GROUP));
            let column = &column[self.rows.clone()];
            let set = |rounded: &mut f32, norm: &mut f32, value: f64| {
                *rounded = ((value - origin) * factor) as f32;
                *norm += *rounded * *rounded;
            };
            match self.some {
                None => {
                    for ((group, norms), values) in groups.zip(column.chunks(GROUP)) {
                        for ((rounded, norm), value) in group.iter_mut().zip(norms).zip(values) {
                            set(rounded, norm, *value);
                        }
                    }
                }
                Some(some) => {
                    for ((group, norms), rows) in groups.zip(some.chunks(GROUP)) {
                        for ((rounded, norm), row) in group.iter_mut().zip(norms).zip(rows) {
                            set(rounded, norm, column[*row as usize]);
                        }
                    }
                }
            }
        }
    }
}

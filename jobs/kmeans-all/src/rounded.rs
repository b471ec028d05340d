//! The rows of a slice in single precision, kept from pass to pass, so that a comparison reads half as much and rounds nothing.
//! They are laid out in the order in which a comparison reads them.

use std::ops::Range;
use std::sync::Arc;

use pulp::{Arch, Simd, WithSimd};

use crate::frame::Basis;
use crate::kernel::{BLOCK, blocks};

/// How many rows are compared with all sites at once. With a hundred columns they still fit the first cache.
pub(crate) const GROUP: usize = 64;

/// The most numbers that are turned into single precision at once: a megabyte, which is about the second cache.
const TILE: usize = 1 << 18;

/// How many groups are turned into single precision at once.
pub(crate) fn groups_at_once(columns: usize) -> usize {
    (TILE / GROUP / columns.max(1)).clamp(1, BLOCK / GROUP)
}

/// How the numbers of a group lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Column after column, for comparisons of all rows with all sites.
    Columns,
    /// Row after row, for comparisons of some rows with some sites.
    Rows,
}

/// Rows in single precision, and their squared lengths.
#[derive(Debug)]
pub(crate) struct Rounded {
    pub(crate) basis: Arc<Basis>,
    pub(crate) layout: Layout,
    /// Group after group, as many numbers for each as it has columns times [`GROUP`].
    groups: Vec<[f32; GROUP]>,
    norms: Vec<f32>,
}

impl Rounded {
    /// So many rows in this basis, column after column.
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
        Self {
            basis: Arc::clone(basis),
            layout: Layout::Columns,
            groups,
            norms,
        }
    }

    /// Lays the numbers out anew, in place.
    pub(crate) fn turn(&mut self, layout: Layout) {
        if self.layout == layout {
            return;
        }
        self.layout = layout;
        let columns = self.basis.origin.len();
        let mut before = vec![[0.0; GROUP]; columns];
        for group in self.groups.chunks_exact_mut(columns) {
            before.copy_from_slice(group);
            match layout {
                Layout::Rows => to_rows(&before, group.as_flattened_mut()),
                Layout::Columns => to_columns(before.as_flattened(), group),
            }
        }
    }

    /// How many bytes so many rows take on the heap.
    pub(crate) fn heap_size(rows: usize, columns: usize) -> usize {
        (rows.next_multiple_of(GROUP) * columns + rows) * size_of::<f32>()
    }

    /// The rows from `row` on, and their lengths, if they lie row after row.
    #[inline(always)]
    pub(crate) fn rows_from(&self, row: usize) -> (&[f32], &[f32]) {
        let values = self.groups.as_flattened();
        (&values[row * self.basis.origin.len()..], &self.norms[row..])
    }

    /// Copies a row that lies column after column, and returns its length.
    #[inline(always)]
    pub(crate) fn copy(&self, row: usize, values: &mut [f32]) -> f32 {
        let group = &self.groups[row / GROUP * values.len()..];
        for (value, column) in values.iter_mut().zip(group) {
            *value = column[row % GROUP];
        }
        self.norms[row]
    }

    /// The groups from `row` on, which begins a group, and the lengths of their rows, if they lie column after column.
    #[inline(always)]
    pub(crate) fn from(&self, row: usize) -> (&[[f32; GROUP]], &[f32]) {
        let first = row / GROUP * self.basis.origin.len();
        (&self.groups[first..], &self.norms[row..])
    }
}

/// Lays out a group row after row.
#[inline(always)]
pub(crate) fn to_rows(group: &[[f32; GROUP]], rows: &mut [f32]) {
    for (number, row) in rows.chunks_exact_mut(group.len()).enumerate() {
        for (value, column) in row.iter_mut().zip(group) {
            *value = column[number];
        }
    }
}

/// Lays out the rows of a group column after column.
#[inline(always)]
fn to_columns(rows: &[f32], group: &mut [[f32; GROUP]]) {
    for (number, row) in rows.chunks_exact(group.len()).enumerate() {
        for (value, column) in row.iter().zip(&mut *group) {
            column[number] = *value;
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
    /// Group after group, and in each of them column after column.
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

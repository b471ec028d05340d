//! The rows of a fit: one flat vector of numbers, row after row, and how Spark would have held each row.

use std::ops::Range;

/// Whether Spark would have held rows as `VectorAssembler` emits them or all as dense vectors.
///
/// The numbers are the same either way. The distance between a dense and a sparse vector is rounded differently from
/// the one between two dense ones, though, and in data with ties that decides who wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowForm {
    /// Sparse where `1.5 * (entries that are not zero + 1) < dimensions`, else dense: what a Spark pipeline sees.
    #[default]
    Assembled,
    /// Every row dense: what a Spark user sees who builds the vectors by hand.
    Dense,
}

impl RowForm {
    /// Whether Spark would hold `row` as a sparse vector.
    pub(crate) fn is_sparse(self, row: &[f64]) -> bool {
        match self {
            Self::Dense => false,
            Self::Assembled => {
                let entries = row.iter().filter(|value| **value != 0.0).count();
                1.5 * (entries as f64 + 1.0) < row.len() as f64
            }
        }
    }
}

/// Rows of equal width, in the order in which a fit sees them. The order decides what is drawn, so it is part of the
/// input.
///
/// ```
/// use gugus_kmeans::{RowForm, Rows};
///
/// let rows = Rows::from_columns(&[&[34.05, 34.10], &[-118.24, -118.30]], RowForm::Assembled);
/// assert_eq!(rows.row(1), [34.10, -118.30]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    dimensions: usize,
    form: RowForm,
    len: usize,
    values: Vec<f64>,
}

impl Rows {
    /// No rows yet, each of which will hold `dimensions` numbers.
    pub fn new(dimensions: usize, form: RowForm) -> Self {
        Self {
            dimensions,
            form,
            len: 0,
            values: Vec::new(),
        }
    }

    /// As [`Rows::new`], with room for `rows` rows.
    pub fn with_capacity(dimensions: usize, rows: usize, form: RowForm) -> Self {
        let values = Vec::with_capacity(rows.saturating_mul(dimensions));
        Self {
            dimensions,
            form,
            len: 0,
            values,
        }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// When `row` is not as long as the rows are wide: the caller mixed up two feature lists.
    pub fn push(&mut self, row: &[f64]) {
        assert_eq!(
            row.len(),
            self.dimensions,
            "a row must be as wide as the rows before it"
        );
        self.values.extend_from_slice(row);
        self.len += 1;
    }

    /// Turns columns, all equally long, into rows.
    ///
    /// # Panics
    /// When the columns are not equally long.
    pub fn from_columns(columns: &[&[f64]], form: RowForm) -> Self {
        let len = columns.first().map_or(0, |column| column.len());
        assert!(
            columns.iter().all(|column| column.len() == len),
            "columns must be equally long"
        );
        let mut rows = Self::with_capacity(columns.len(), len, form);
        for row in 0..len {
            rows.values.extend(columns.iter().map(|column| column[row]));
        }
        rows.len = len;
        rows
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many numbers each row holds.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Row `i`, counted from 0.
    ///
    /// # Panics
    /// When there are not that many rows, as with a slice.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.dimensions..][..self.dimensions]
    }

    /// The bytes these rows hold on the heap, room for more included.
    pub fn heap_size(&self) -> usize {
        self.values.capacity() * size_of::<f64>()
    }

    pub(crate) fn form(&self) -> RowForm {
        self.form
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }
}

/// How Spark's RDD was cut: each partition is a run of consecutive rows and draws its own random numbers.
///
/// One partition is what Gugus itself trains with; the others serve to repeat what a Spark cluster answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitions(Cut);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cut {
    One,
    Sizes(Vec<usize>),
}

impl Partitions {
    /// All rows in one partition.
    pub fn one() -> Self {
        Self(Cut::One)
    }

    /// Partitions of these many rows, in order; a partition may be empty.
    pub fn of_sizes(sizes: &[usize]) -> Self {
        Self(Cut::Sizes(sizes.to_vec()))
    }

    /// The partitions' rows, or the sum of the sizes when that is not `rows`.
    pub(crate) fn ranges(&self, rows: usize) -> Result<Vec<Range<usize>>, usize> {
        let sizes = match &self.0 {
            Cut::One => std::slice::from_ref(&rows),
            Cut::Sizes(sizes) => sizes,
        };
        let sum = sizes
            .iter()
            .fold(0_usize, |sum, size| sum.saturating_add(*size));
        if sum != rows {
            return Err(sum);
        }
        let mut start = 0;
        let cut = |size: &usize| {
            let range = start..start + size;
            start = range.end;
            range
        };
        Ok(sizes.iter().map(cut).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assembler_compresses_rows_with_few_entries() {
        let assembled = RowForm::Assembled;
        assert!(assembled.is_sparse(&[0.0, 0.0]), "1.5 * 1 < 2");
        assert!(
            assembled.is_sparse(&[-0.0, 0.0]),
            "a negative zero is a zero"
        );
        assert!(!assembled.is_sparse(&[0.0, 1.0]), "1.5 * 2 is not below 2");
        assert!(
            !assembled.is_sparse(&[0.0, 1.0, 0.0]),
            "1.5 * 2 is not below 3"
        );
        assert!(assembled.is_sparse(&[0.0, 1.0, 0.0, 0.0]), "1.5 * 2 < 4");
        assert!(!RowForm::Dense.is_sparse(&[0.0; 9]));
    }

    #[test]
    fn columns_become_rows() {
        let rows = Rows::from_columns(&[&[1.0, 2.0], &[3.0, 4.0], &[5.0, 6.0]], RowForm::Dense);
        let mut pushed = Rows::new(3, RowForm::Dense);
        pushed.push(&[1.0, 3.0, 5.0]);
        pushed.push(&[2.0, 4.0, 6.0]);
        assert_eq!(rows, pushed);
        assert_eq!(
            (rows.len(), rows.dimensions(), rows.is_empty()),
            (2, 3, false)
        );
        assert!(rows.heap_size() >= 6 * 8);
        assert!(Rows::from_columns(&[], RowForm::Dense).is_empty());
    }

    #[test]
    fn partitions_are_runs_of_rows() {
        assert_eq!(Partitions::one().ranges(3), Ok(vec![0..3; 1]));
        assert_eq!(
            Partitions::of_sizes(&[2, 0, 1]).ranges(3),
            Ok(vec![0..2, 2..2, 2..3])
        );
        assert_eq!(Partitions::of_sizes(&[2, 2]).ranges(3), Err(4));
        assert_eq!(
            Partitions::of_sizes(&[usize::MAX, 2]).ranges(3),
            Err(usize::MAX)
        );
    }
}

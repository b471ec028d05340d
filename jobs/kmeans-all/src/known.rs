//! The nearest candidate of each row, so that a later step compares the rows only with further candidates.

/// The nearest of some sites for each row.
#[derive(Debug)]
pub(crate) struct Known {
    /// The sites, one after another.
    pub(crate) sites: Vec<f64>,
    /// The nearest of them, and its squared distance.
    pub(crate) nearest: Vec<u32>,
    pub(crate) costs: Vec<f64>,
}

impl Known {
    /// So many rows are to be compared with these sites.
    pub(crate) fn new(sites: &[f64], rows: usize) -> Self {
        Self {
            sites: sites.to_vec(),
            nearest: Vec::with_capacity(rows),
            costs: Vec::with_capacity(rows),
        }
    }

    /// How many bytes it takes on the heap, for so many rows, and sites of so many numbers together.
    pub(crate) fn heap_size(rows: usize, numbers: usize) -> usize {
        rows * (size_of::<u32>() + size_of::<f64>()) + numbers * size_of::<f64>()
    }
}

//! The least and the largest value of a column.

use crate::kernel::LANES;

/// The largest magnitude within bounds; 0 when there is nothing within.
pub(crate) fn magnitude([least, largest]: [f64; 2]) -> f64 {
    if least > largest {
        return 0.0;
    }
    least.abs().max(largest.abs())
}

/// The least and the largest of some numbers; of none, an empty range.
pub(crate) fn extremes(values: &[f64]) -> [f64; 2] {
    let mut least = [f64::INFINITY; LANES];
    let mut largest = [f64::NEG_INFINITY; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            least[lane] = if chunk[lane] < least[lane] {
                chunk[lane]
            } else {
                least[lane]
            };
            largest[lane] = if chunk[lane] > largest[lane] {
                chunk[lane]
            } else {
                largest[lane]
            };
        }
    }
    let rest = chunks.remainder().iter();
    // Adding 0 makes a zero of a negative zero: which of the two comes first depends on the order.
    [
        rest.clone()
            .chain(&least)
            .fold(f64::INFINITY, |a, b| a.min(*b))
            + 0.0,
        rest.chain(&largest)
            .fold(f64::NEG_INFINITY, |a, b| a.max(*b))
            + 0.0,
    ]
}

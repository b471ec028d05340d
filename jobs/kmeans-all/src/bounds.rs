//! The least and the largest value of a column.

use crate::kernel::LANES;

/// The largest magnitude within the bounds; 0 for an empty range.
pub(crate) fn magnitude([least, largest]: [f64; 2]) -> f64 {
    if least > largest {
        return 0.0;
    }
    least.abs().max(largest.abs())
}

/// The least and the largest of some numbers; an empty range if there are no numbers.
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
    // Adding 0 turns a negative zero into a zero. Otherwise the order would decide which of the two zeros is the bound.
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

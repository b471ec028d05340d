//! Numbers in fixed point. Their sums do not depend on the order.
//!
//! Invariant: the fixed-point number of a value depends only on the value and the [`Scale`]. The scale comes from the
//! largest values of all data, so it is the same on every slice.

use std::array::from_fn;

use serde::{Deserialize, Serialize};

/// How many bits of a fixed-point number lie below the largest value. A value is exact unless it is 2^37 times smaller
/// than the largest value. Even then the error is less than 2^-90 of the largest value. The rest of the 127 bits is
/// room for 2^36 rows.
const FRACTION: i32 = 90;

/// Bits of the upper limb. Over [`SHORT_RUN`] rows, an `i64` has room for sums of the upper limb. It also has room for
/// sums of the lower limb, which has 49 bits and a sign.
const HIGH: i32 = 40;

/// Bits of the lower limb.
const LOW: i32 = FRACTION - HIGH;

/// The most limbs that may be summed in 64 bits.
pub(crate) const SHORT_RUN: usize = 1 << 13;

/// A smaller exponent counts as this one, so that the unit stays a normal number. Squared distances of such data are 0
/// long before.
const SMALLEST_EXPONENT: i32 = -900;

/// A larger exponent is refused. Squared distances would overflow long before.
pub(crate) const LARGEST_EXPONENT: i32 = 1000;

/// How a pass turns numbers into fixed point. For each sum there is an exponent `e`, and no number of the sum exceeds
/// 2^e.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// For the values times their weights, one exponent per column.
    pub(crate) values: Vec<i32>,
    /// For the squared lengths times their weights.
    pub(crate) squares: i32,
    /// For the weights, if there are any.
    pub(crate) weights: Option<i32>,
}

impl Scale {
    /// The scale for values up to `largest` (one number per column), and for weights up to `largest_weight`, if there
    /// are weights. `None` if a squared length might overflow.
    pub(crate) fn new(largest: &[f64], largest_weight: Option<f64>) -> Option<Self> {
        let weight = largest_weight.unwrap_or(1.0);
        // This is rounded in the same way as the squared lengths of rows, so it is at least as large as all of them.
        let squares = largest.iter().fold(0.0, |sum, value| sum + value * value) * weight;
        let products = largest.iter().map(|value| value * weight);
        // Squared distances are up to four times the squared lengths, and a draw multiplies them by twice the clusters.
        let limit = power_of_two(LARGEST_EXPONENT - 1);
        let mut all = products.clone().chain([squares, weight]);
        all.all(|largest| largest < limit).then(|| Self {
            values: products.map(exponent_for).collect(),
            squares: exponent_for(squares),
            weights: largest_weight.map(exponent_for),
        })
    }

    /// Whether this scale can add up values up to `largest` and weights up to `largest_weight`.
    pub(crate) fn holds(&self, largest: &[f64], largest_weight: Option<f64>) -> bool {
        let Some(least) = Self::new(largest, largest_weight) else {
            return false;
        };
        let exponents = |of: &Self| {
            let all = of.values.iter().chain([&of.squares]).chain(&of.weights);
            all.copied().collect::<Vec<i32>>()
        };
        let pairs = exponents(&least).into_iter().zip(exponents(self));
        least.values.len() == self.values.len()
            && least.weights.is_some() == self.weights.is_some()
            && pairs
                .into_iter()
                .all(|(least, given)| (least..=LARGEST_EXPONENT).contains(&given))
    }
}

/// The least exponent `e` of a [`Scale`] for numbers up to `largest`. `largest` is at most 2^[`LARGEST_EXPONENT`].
pub(crate) fn exponent_for(largest: f64) -> i32 {
    let field = (largest.to_bits() >> 52) as i32 & 0x7ff;
    (field - 1022).clamp(SMALLEST_EXPONENT, LARGEST_EXPONENT)
}

/// Turns numbers up to 2^e into two limbs each. It uses only additions, so the compiler can vectorise it.
///
/// Adding 1.5 * 2^(52 + u) rounds a small number to a multiple of 2^u, and the lower bits of the sum hold this
/// multiple. The rounded-off part is exactly the difference (Dekker 1971). So it can be rounded in the same way, to a
/// finer multiple.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    high: f64,
    low: f64,
    exponent: i32,
}

impl Grid {
    /// The grid for numbers up to 2^`exponent`.
    pub(crate) fn new(exponent: i32) -> Self {
        Self {
            high: 1.5 * power_of_two(52 + exponent - HIGH),
            low: 1.5 * power_of_two(52 + exponent - FRACTION),
            exponent,
        }
    }

    /// The raw limbs of a number. Each limb is too large by the limb of 0; [`Grid::total`] subtracts that.
    #[inline(always)]
    pub(crate) fn split(self, value: f64) -> [u64; 2] {
        let high = value + self.high;
        let rest = value - (high - self.high);
        [high.to_bits(), (rest + self.low).to_bits()]
    }

    /// The limbs of a number, ready to be added up.
    #[inline(always)]
    pub(crate) fn limbs(self, value: f64) -> [i64; 2] {
        let [high, low] = self.split(value);
        [
            high.wrapping_sub(self.high.to_bits()).cast_signed(),
            low.wrapping_sub(self.low.to_bits()).cast_signed(),
        ]
    }

    /// The fixed-point sum of `count` numbers (at most [`SHORT_RUN`]), from the wrapping sums of the limbs that
    /// [`Grid::split`] gave.
    pub(crate) fn total(self, sums: [u64; 2], count: usize) -> i128 {
        let excess = |of: f64| of.to_bits().wrapping_mul(count as u64);
        joined([
            sums[0].wrapping_sub(excess(self.high)).cast_signed(),
            sums[1].wrapping_sub(excess(self.low)).cast_signed(),
        ])
    }

    /// The exponent of the unit that fixed-point numbers count.
    pub(crate) fn unit(self) -> i32 {
        self.exponent - FRACTION
    }
}

/// How many [`Grid`]s lie side by side.
pub(crate) const GRIDS: usize = 8;

/// The grids of several numbers of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grids {
    high: [f64; GRIDS],
    low: [f64; GRIDS],
}

impl Grids {
    /// From at most [`GRIDS`] grids. The others are of no use.
    pub(crate) fn new(grids: &[Grid]) -> Self {
        let all = |of: fn(&Grid) -> f64| from_fn(|number| grids.get(number).map_or(1.0, of));
        Self {
            high: all(|grid| grid.high),
            low: all(|grid| grid.low),
        }
    }

    /// The limbs of one number for each grid, as [`Grid::limbs`] gives them.
    #[inline(always)]
    pub(crate) fn limbs(&self, values: &[f64; GRIDS]) -> [[i64; GRIDS]; 2] {
        let mut limbs = [[0; GRIDS]; 2];
        for lane in 0..GRIDS {
            let grid = Grid {
                high: self.high[lane],
                low: self.low[lane],
                exponent: 0,
            };
            [limbs[0][lane], limbs[1][lane]] = grid.limbs(values[lane]);
        }
        limbs
    }
}

/// A fixed-point number from the sums of its limbs.
#[inline]
pub(crate) fn joined(limbs: [i64; 2]) -> i128 {
    (i128::from(limbs[0]) << LOW) + i128::from(limbs[1])
}

/// The number nearest to `numerator / denominator * 2^exponent`; 0 when the denominator is 0.
pub(crate) fn quotient(numerator: i128, denominator: u128, exponent: i32) -> f64 {
    if numerator == 0 || denominator == 0 {
        return 0.0;
    }
    let magnitude = numerator.unsigned_abs();
    // The numerator is first shifted to the left as far as possible, so that the quotient gets as many bits as
    // possible.
    let shift = magnitude.leading_zeros();
    let (mut quotient, mut rest) = (
        (magnitude << shift) / denominator,
        (magnitude << shift) % denominator,
    );
    let mut exponent = exponent - shift.cast_signed();
    // 64 bits are more than a number holds. So one more bit can say whether a rest remains.
    while quotient < 1 << 63 {
        // The rest may have as many bits as the denominator. If doubling it overflows, it is certainly above the
        // denominator.
        let over = rest >> 127 == 1;
        rest <<= 1;
        quotient <<= 1;
        if over || rest >= denominator {
            rest = rest.wrapping_sub(denominator);
            quotient |= 1;
        }
        exponent -= 1;
    }
    let nearest = times_power_of_two((quotient | u128::from(rest != 0)) as f64, exponent);
    if numerator < 0 { -nearest } else { nearest }
}

/// `value * 2^exponent`, rounded at most once, for values of at least 1.
pub(crate) fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    value * power_of_two(half) * power_of_two(exponent - half)
}

/// 2^`exponent`. If the exponent is not that of a normal number, the nearest such exponent is used.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent.clamp(-1022, 1023) + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exponents_are_above_the_largest() {
        assert_eq!(exponent_for(0.0), SMALLEST_EXPONENT);
        assert_eq!(exponent_for(f64::from_bits(1)), SMALLEST_EXPONENT);
        assert_eq!(exponent_for(0.75), 0);
        assert_eq!(exponent_for(1.0), 1);
        assert_eq!(exponent_for(118.6), 7);
    }

    #[test]
    fn quotients_are_rounded_once() {
        assert_eq!(quotient(1, 3, 0), 1.0 / 3.0);
        assert_eq!(quotient(-7, 2, 4), -56.0);
        assert_eq!(quotient(0, 5, 0), 0.0);
        assert_eq!(quotient(5, 0, 0), 0.0);
        assert_eq!(quotient(i128::MIN, 1, -127), -1.0);
        assert_eq!(quotient(i128::MAX, u128::MAX, 0), 0.5);
        // Half way between two numbers, and the least bit above it.
        let half = (1_i128 << 53) + 1;
        assert_eq!(quotient(half, 1, 0), 9_007_199_254_740_992.0);
        assert_eq!(
            quotient((half << 60) + 1, 1 << 60, 0),
            9_007_199_254_740_994.0
        );
    }

    proptest! {
        #[test]
        fn large_values_are_exact_and_small_ones_nearly(value in -1.0..1.0_f64, exponent in -900..1000_i32, shift in 0..90_i32) {
            let value = value * power_of_two(-shift) * power_of_two(exponent);
            let grid = Grid::new(exponent);
            let back = quotient(joined(grid.limbs(value)), 1, grid.unit());
            if shift < 30 && value.abs() > power_of_two(exponent - 37) {
                prop_assert_eq!(back, value);
            }
            prop_assert!((back - value).abs() <= power_of_two((exponent - 91).max(-1022)));
        }

        #[test]
        fn the_mean_of_equal_numbers_is_the_number(value in -1e3..1e3_f64, count in 1..1_u64 << 36) {
            let grid = Grid::new(exponent_for(value.abs()));
            let sum = joined(grid.limbs(value)) * i128::from(count);
            prop_assert_eq!(quotient(sum, u128::from(count), grid.unit()), value);
        }

        #[test]
        fn sums_of_limbs_are_limbs_of_sums(values in prop::collection::vec(-8.0..8.0_f64, 0..300)) {
            let grid = Grid::new(3);
            let split = values.iter().fold([0_u64; 2], |sums, value| {
                let limbs = grid.split(*value);
                [sums[0].wrapping_add(limbs[0]), sums[1].wrapping_add(limbs[1])]
            });
            let one_by_one: i128 = values.iter().map(|value| joined(grid.limbs(*value))).sum();
            prop_assert_eq!(grid.total(split, values.len()), one_by_one);
        }
    }
}

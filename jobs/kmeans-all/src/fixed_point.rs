//! Numbers in fixed point, whose sums do not depend on any order.
//!
//! Invariant: the number that stands for a value depends on the value and the [`Scale`] alone. The scale in turn comes from
//! the largest values of all the data, so it is the same on every slice.

use serde::{Deserialize, Serialize};

/// Bits of a fixed-point number below the largest value: a value is exact unless it is 2^37 times smaller than the largest,
/// and off by less than 2^-90 of the largest even then. What is left of 127 bits is room for 2^36 rows.
const FRACTION: i32 = 90;

/// Bits of the upper limb. Sums of it, and of the lower limb's 49 bits and a sign, fit an `i64` over [`SHORT_RUN`] rows.
const HIGH: i32 = 40;

/// Bits of the lower limb.
const LOW: i32 = FRACTION - HIGH;

/// The most limbs that may be summed in 64 bits.
pub(crate) const SHORT_RUN: usize = 1 << 13;

/// Exponents below are taken to be this: the unit stays a normal number. Squared distances of such data are 0 long before.
const SMALLEST_EXPONENT: i32 = -900;

/// Exponents above are refused: squared distances would overflow long before.
pub(crate) const LARGEST_EXPONENT: i32 = 1000;

/// How numbers are turned into fixed point in a pass: for each sum an exponent `e` such that nothing in it exceeds 2^e.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Of the values times their weights, one a column.
    pub(crate) values: Vec<i32>,
    /// Of the squared lengths times their weights.
    pub(crate) squares: i32,
    /// Of the weights, when there are any.
    pub(crate) weights: Option<i32>,
}

impl Scale {
    /// The scale for values up to `largest`, one number a column, and weights up to `largest_weight`, when there are any; none where a
    /// squared length might overflow.
    pub(crate) fn new(largest: &[f64], largest_weight: Option<f64>) -> Option<Self> {
        let weight = largest_weight.unwrap_or(1.0);
        // Rounded as the squared lengths of rows are, hence above all of them.
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

    /// Whether values up to `largest` and weights up to `largest_weight` can be summed up in this scale.
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

/// The least exponent `e` that a [`Scale`] may have for numbers up to `largest`, which is not above 2^[`LARGEST_EXPONENT`].
pub(crate) fn exponent_for(largest: f64) -> i32 {
    let field = (largest.to_bits() >> 52) as i32 & 0x7ff;
    (field - 1022).clamp(SMALLEST_EXPONENT, LARGEST_EXPONENT)
}

/// Turns numbers up to 2^e into two limbs each, by additions alone so that it vectorises.
///
/// Adding 1.5 * 2^(52 + u) rounds a small number to a multiple of 2^u and leaves the multiple in the lower bits of the sum; what was
/// rounded off is exactly the difference (Dekker 1971), so it can be rounded in the same way, to a finer multiple.
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

    /// The limbs of a number as they come: each is too large by what it is for 0, which [`Grid::total`] takes off.
    #[inline(always)]
    pub(crate) fn split(self, value: f64) -> [u64; 2] {
        let high = value + self.high;
        let rest = value - (high - self.high);
        [high.to_bits(), (rest + self.low).to_bits()]
    }

    /// The limbs of a number, ready to be summed.
    #[inline(always)]
    pub(crate) fn limbs(self, value: f64) -> [i64; 2] {
        let [high, low] = self.split(value);
        [
            high.wrapping_sub(self.high.to_bits()).cast_signed(),
            low.wrapping_sub(self.low.to_bits()).cast_signed(),
        ]
    }

    /// The fixed-point sum of `count` numbers, at most [`SHORT_RUN`], from the wrapping sums of what [`Grid::split`] gave.
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

/// A fixed-point number from the sums of its limbs.
#[inline]
pub(crate) fn joined(limbs: [i64; 2]) -> i128 {
    (i128::from(limbs[0]) << LOW) + i128::from(limbs[1])
}

/// The number nearest to `numerator / denominator * 2^exponent`, and 0 when the denominator is.
pub(crate) fn quotient(numerator: i128, denominator: u128, exponent: i32) -> f64 {
    if numerator == 0 || denominator == 0 {
        return 0.0;
    }
    let magnitude = numerator.unsigned_abs();
    // Dividing with all bits in front gives a quotient that is as long as can be.
    let shift = magnitude.leading_zeros();
    let (mut quotient, mut rest) = (
        (magnitude << shift) / denominator,
        (magnitude << shift) % denominator,
    );
    let mut exponent = exponent - shift.cast_signed();
    // 64 bits are more than a number holds, so one bit more can say whether anything is left.
    while quotient < 1 << 63 {
        // The rest may be as long as the denominator: what is doubled over the top is above the denominator for sure.
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

/// `value * 2^exponent` with one rounding at most, for values of at least 1.
pub(crate) fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    value * power_of_two(half) * power_of_two(exponent - half)
}

/// 2^`exponent`, for the exponents of normal numbers; the nearest one of them for others.
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

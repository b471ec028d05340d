//! Sums without rounding. So they do not depend on the order of the numbers.

use serde::{Deserialize, Serialize};

use crate::fixed_point::times_power_of_two;

/// How many exponents share a bin. A number takes at most 53 + 31 bits of a bin, so a bin has room for 2^44 numbers.
const EXPONENTS: usize = 32;

/// The exact sum of numbers that are finite and not negative. It is a superaccumulator after Kulisch, with bins after
/// Neal (2015).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExactSum {
    /// Bin `b` counts units of 2^(32 b - 1075). The arrays are nested because serde does not support arrays of 64.
    bins: [[u128; 32]; 2],
}

impl ExactSum {
    /// Adds a number that is finite and not negative.
    #[inline(always)]
    pub(crate) fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        // The sign bit is ignored, because only a negative zero could have set it.
        let field = (bits >> 52) as usize & 0x7ff;
        // A subnormal number has the exponent of the smallest normal numbers, but no leading bit.
        let (exponent, mantissa) = match field {
            0 => (1, fraction),
            _ => (field, fraction | 1 << 52),
        };
        let bins = self.bins.as_flattened_mut();
        bins[exponent / EXPONENTS] += u128::from(mantissa) << (exponent % EXPONENTS);
    }

    /// Adds every one of `values`.
    pub(crate) fn add_all(&mut self, values: &[f64]) {
        for value in values {
            self.add(*value);
        }
    }

    /// Adds another sum. Gives `None` when a bin is full; sums of real data never fill a bin.
    pub(crate) fn merge(&mut self, other: &Self) -> Option<()> {
        let bins = self.bins.as_flattened_mut();
        for (bin, other) in bins.iter_mut().zip(other.bins.as_flattened()) {
            *bin = bin.checked_add(*other)?;
        }
        Some(())
    }

    /// The number nearest to the sum, or infinity if the sum is larger than every number.
    pub(crate) fn value(&self) -> f64 {
        // Digits of 32 bits, the lowest first. There are three more digits than bins, because the last bin has 128
        // bits.
        let mut digits = [0_u32; 67];
        let mut carry = 0_u128;
        for (i, digit) in digits.iter_mut().enumerate() {
            let bin = self.bins.as_flattened().get(i).copied().unwrap_or(0);
            // The lower 32 bits of both numbers are added apart from the rest, because the sum of two wide numbers
            // might not fit.
            let low = (bin & 0xffff_ffff) + (carry & 0xffff_ffff);
            *digit = low as u32;
            carry = (bin >> 32) + (carry >> 32) + (low >> 32);
        }
        let Some(top) = digits.iter().rposition(|digit| *digit != 0) else {
            return 0.0;
        };
        // Three digits hold at least 65 bits. That is more than a number and its rounding need, if it is also known
        // whether the lower digits are all 0.
        let low = top.saturating_sub(2);
        let leading = digits[low..=top]
            .iter()
            .rev()
            .fold(0_u128, |leading, digit| leading << 32 | u128::from(*digit));
        let rest = digits[..low].iter().any(|digit| *digit != 0);
        times_power_of_two(
            (leading | u128::from(rest)) as f64,
            (EXPONENTS * low) as i32 - 1075,
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum_of(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        sum.add_all(values);
        sum
    }

    /// Computes the exact sum in another way: as a list of numbers that do not overlap (Shewchuk 1997), rounded once at
    /// the end. Python's `fsum` does the same.
    fn shewchuk(values: &[f64]) -> f64 {
        let mut parts: Vec<f64> = Vec::new();
        for value in values {
            let mut value = *value;
            let mut kept = Vec::new();
            for part in parts {
                let (large, small) = if value.abs() < part.abs() {
                    (part, value)
                } else {
                    (value, part)
                };
                let sum = large + small;
                let rest = small - (sum - large);
                if rest != 0.0 {
                    kept.push(rest);
                }
                value = sum;
            }
            kept.push(value);
            parts = kept;
        }
        let Some(mut sum) = parts.pop() else {
            return 0.0;
        };
        let mut rest = 0.0;
        while let Some(part) = parts.pop() {
            let before = sum;
            sum = before + part;
            rest = part - (sum - before);
            if rest != 0.0 {
                break;
            }
        }
        // The lower numbers decide if the sum lies exactly half way between two numbers.
        if let Some(next) = parts.last()
            && (rest < 0.0) == (*next < 0.0)
        {
            let double = rest * 2.0;
            let up = sum + double;
            if double == up - sum {
                sum = up;
            }
        }
        sum
    }

    fn any_magnitude() -> impl Strategy<Value = f64> {
        prop_oneof![
            (0_u64..0x7f00_0000_0000_0000).prop_map(f64::from_bits),
            0.0..1e3_f64,
            Just(0.0),
            Just(f64::MIN_POSITIVE),
            (0_i32..200).prop_map(|exponent| 0.5_f64.powi(exponent)),
        ]
    }

    proptest! {
        #[test]
        fn sums_are_rounded_once(values in prop::collection::vec(any_magnitude(), 0..40)) {
            prop_assert_eq!(sum_of(&values).value(), shewchuk(&values));
        }

        #[test]
        fn neither_order_nor_cut_shows(
            (values, shuffled) in prop::collection::vec(any_magnitude(), 0..40)
                .prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
            cut in any::<prop::sample::Index>(),
        ) {
            let (left, right) = shuffled.split_at(cut.index(values.len() + 1));
            let mut merged = sum_of(left);
            prop_assert!(merged.merge(&sum_of(right)).is_some());
            prop_assert_eq!(merged, sum_of(&values));
        }
    }

    #[test]
    fn the_ends_of_the_range_are_exact() {
        assert_eq!(sum_of(&[]).value(), 0.0);
        assert_eq!(sum_of(&[-0.0]).value().to_bits(), 0);
        assert_eq!(sum_of(&[5e-324, 5e-324]).value(), 1e-323);
        assert_eq!(sum_of(&[f64::MAX]).value(), f64::MAX);
        assert_eq!(sum_of(&[f64::MAX, f64::MAX]).value(), f64::INFINITY);
        assert_eq!(sum_of(&[1.0, f64::EPSILON / 2.0]).value(), 1.0);
        assert_eq!(
            sum_of(&[1.0, f64::EPSILON / 2.0, 5e-324]).value(),
            1.0 + f64::EPSILON
        );
    }

    #[test]
    fn a_full_bin_is_told() {
        let mut sum = ExactSum {
            bins: [[u128::MAX; 32]; 2],
        };
        assert_eq!(sum.merge(&sum_of(&[1.0])), None);
    }
}

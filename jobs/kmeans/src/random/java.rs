//! `java.util.Random`.

use super::Random;

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

/// A linear congruential generator of 48 bits whose top bits are handed out.
pub(crate) struct JavaRandom {
    state: u64,
}

impl JavaRandom {
    pub(crate) fn new(seed: i64) -> Self {
        Self {
            state: (seed as u64 ^ MULTIPLIER) & MASK,
        }
    }

    /// Uniform over `0..bound`. Java knows bounds up to 2^31 - 1 and so do we: a larger one is cut to that.
    pub(crate) fn next_index(&mut self, bound: usize) -> usize {
        let bound = i32::try_from(bound).unwrap_or(i32::MAX).max(1);
        let mut bits = self.next(31);
        if bound & (bound - 1) == 0 {
            return ((i64::from(bound) * i64::from(bits)) >> 31) as usize;
        }
        loop {
            let index = bits % bound;
            // The last, incomplete run of `bound` numbers is drawn again; overflow is how Java notices it.
            if (bits - index).checked_add(bound - 1).is_some() {
                return index as usize;
            }
            bits = self.next(31);
        }
    }

    /// Shuffles as Spark does: from the last place down, each swapped with one drawn among those up to it.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.next_index(last + 1));
        }
    }
}

impl Random for JavaRandom {
    fn next(&mut self, bits: u32) -> i32 {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        (self.state >> (48 - bits)) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_seed_42() {
        let mut random = JavaRandom::new(42);
        assert_eq!(random.next_int(), -1_170_105_035);
        assert_eq!(random.next_int(), 234_785_527);
        assert_eq!(JavaRandom::new(42).next_long(), -5_025_562_857_975_149_833);
        assert_eq!(JavaRandom::new(42).next_double(), 0.727_563_680_032_868_1);
        let mut random = JavaRandom::new(42);
        assert_eq!([(); 5].map(|()| random.next_index(10)), [0, 3, 8, 4, 0]);
    }

    #[test]
    fn known_values_of_seed_0() {
        assert_eq!(JavaRandom::new(0).next_double(), 0.730_967_787_376_657);
        assert_eq!(JavaRandom::new(0).next_int(), -1_155_484_576);
    }

    #[test]
    fn powers_of_two_take_the_top_bits() {
        let mut indices = JavaRandom::new(7);
        let mut bits = JavaRandom::new(7);
        for _ in 0..100 {
            assert_eq!(indices.next_index(16), (bits.next(31) >> 27) as usize);
        }
        let mut random = JavaRandom::new(-3);
        assert_eq!(
            [(); 6].map(|()| random.next_index(16)),
            [4, 15, 5, 2, 12, 0]
        );
    }

    #[test]
    fn large_bounds_reject_without_overflow() {
        // Java's own answers, some of them drawn twice: the bound is just over half of what 31 bits give.
        let mut random = JavaRandom::new(5);
        let answers = [
            379_250_092,
            189_533_474,
            1_049_914_506,
            991_787_854,
            963_357_722,
            918_177_321,
        ];
        assert_eq!([(); 6].map(|()| random.next_index((1 << 30) + 1)), answers);
        let mut random = JavaRandom::new(1);
        let bound = (1 << 30) + 1;
        for _ in 0..1000 {
            assert!(random.next_index(bound) < bound);
        }
        assert_eq!(random.next_index(1), 0);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        JavaRandom::new(3).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}

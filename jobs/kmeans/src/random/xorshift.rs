//! Spark's `XORShiftRandom`: a generator of 64 bits, whose first state is a hash of the seed.

use super::Random;

/// Scala's seed for hashing arrays, which Spark starts its hash with.
const ARRAY_SEED: u32 = 0x3c07_4a61;

/// Three shifts a draw; the *low* bits are handed out.
pub(crate) struct XorShiftRandom {
    state: u64,
}

impl XorShiftRandom {
    pub(crate) fn new(seed: i64) -> Self {
        // Neighbouring seeds would give neighbouring states, hence the hash.
        let bytes = seed.to_be_bytes();
        let low = murmur3(bytes, ARRAY_SEED);
        let high = murmur3(bytes, low);
        Self {
            state: u64::from(high) << 32 | u64::from(low),
        }
    }
}

impl Random for XorShiftRandom {
    fn next(&mut self, bits: u32) -> i32 {
        let mut x = self.state;
        x ^= x << 21;
        x ^= x >> 35;
        x ^= x << 4;
        self.state = x;
        (x & ((1 << bits) - 1)) as i32
    }
}

/// MurmurHash3 (x86, 32 bits) of exactly eight bytes.
fn murmur3(bytes: [u8; 8], seed: u32) -> u32 {
    let [a, b, c, d, e, f, g, h] = bytes;
    let mut hash = seed;
    for word in [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ] {
        let mixed = word
            .wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593);
        hash = (hash ^ mixed)
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    hash ^= 8;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur3_of_known_bytes() {
        assert_eq!(murmur3([0; 8], 0), 0x6385_2afc);
        assert_eq!(murmur3(*b"abcdefgh", 0), 0x49dd_ccc4);
    }

    /// What Spark 3.5.5's own class answers.
    #[test]
    fn known_values_of_several_seeds() {
        let known: [(i64, [i32; 3], i64, f64); 5] = [
            (
                0,
                [520_798_028, 1_576_938_828, 437_779_267],
                4_642_521_763_650_052_791,
                0.647_246_504_696_644_7,
            ),
            (
                1,
                [512_468_703, -837_558_680, 2_053_489_943],
                2_991_170_965_490_766_901,
                0.175_245_702_839_207_93,
            ),
            (
                42,
                [444_206_279, 1_508_163_723, -1_911_958_253],
                6_078_154_805_427_339_694,
                0.018_500_449_234_456_484,
            ),
            (
                -7,
                [412_567_321, -378_506_418, -2_141_345_857],
                -7_545_452_221_360_924_905,
                0.470_286_139_318_430_44,
            ),
            (
                1_099_511_627_781,
                [-1_508_009_899, 1_009_531_391, 1_969_895_058],
                5_482_368_632_059_498_916,
                0.218_259_413_936_320_42,
            ),
        ];
        for (seed, ints, long, double) in known {
            let mut random = XorShiftRandom::new(seed);
            assert_eq!([(); 3].map(|()| random.next_int()), ints, "seed {seed}");
            assert_eq!(random.next_long(), long, "seed {seed}");
            assert_eq!(random.next_double(), double, "seed {seed}");
        }
    }
}

//! Random numbers that belong to a row and not to a place in some order. They are hashes of a seed, a step and the
//! row's key.
//!
//! Invariant: the number of a row depends on these three only, so any cut of the rows gives the same draws. Models of
//! the same seed must stay the same, so these hashes never change.

/// 2^64 over the golden ratio, the step of Steele, Lea and Flood's SplitMix64 (2014).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The key of a record: the hash of its batch, partition and offset. Rows of equal keys draw equal numbers.
///
/// ```
/// use gugus_kmeans_all::key;
///
/// assert_eq!(key(1, 0, 0), 0x0a38_5ef2_4fa6_a992);
/// assert_ne!(key(1, 0, 1), key(1, 1, 0));
/// ```
#[inline]
#[must_use]
pub fn key(batch: u64, partition: i32, offset: i64) -> u64 {
    let batch = mix(batch.wrapping_add(GOLDEN));
    let partition = mix(batch ^ u64::from(partition.cast_unsigned()));
    mix(partition ^ offset.cast_unsigned())
}

/// The part of the hash that all draws of one step share.
pub(crate) fn stream(seed: u64, step: u32) -> u64 {
    mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(GOLDEN.wrapping_mul(u64::from(step) + 1)))
}

/// The draw of a row in a [`stream`]: any 64 bits, all equally likely.
#[inline(always)]
pub(crate) fn draw(stream: u64, key: u64) -> u64 {
    mix(stream ^ key)
}

/// A draw as a number in [0, 1), by its upper 53 bits.
#[inline(always)]
pub(crate) fn uniform(draw: u64) -> f64 {
    /// 2^-53.
    const UNIT: f64 = f64::EPSILON / 2.0;
    (draw >> 11) as f64 * UNIT
}

/// SplitMix64's finaliser: each bit of the input flips each bit of the output about half of the time.
#[inline(always)]
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finaliser_is_split_mixs() {
        // The first three numbers of SplitMix64 seeded with 1234567, as published with it.
        let numbers =
            [1_u64, 2, 3].map(|i| mix(1_234_567_u64.wrapping_add(GOLDEN.wrapping_mul(i))));
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn draws_are_pinned() {
        assert_eq!(draw(stream(1, 0), key(1, 0, 0)), 14_666_885_205_138_620_393);
        assert_eq!(
            draw(stream(u64::MAX, 3), key(7, -1, 99)),
            5_245_424_799_970_821_591
        );
    }

    #[test]
    fn uniform_numbers_are_below_one_and_even() {
        assert_eq!(uniform(0), 0.0);
        assert_eq!(uniform(u64::MAX), 1.0 - f64::EPSILON / 2.0);
        let stream = stream(5, 1);
        let mut tenths = [0_u32; 10];
        for offset in 0..100_000 {
            tenths[(uniform(draw(stream, key(3, 0, offset))) * 10.0) as usize] += 1;
        }
        // Five standard deviations around a tenth.
        assert!(
            tenths.iter().all(|count| count.abs_diff(10_000) < 475),
            "{tenths:?}"
        );
    }
}

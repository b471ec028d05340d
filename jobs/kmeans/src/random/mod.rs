//! The two generators Spark draws from, bit for bit.
//!
//! They differ only in how the next bits are made; what is built from those bits is Java's arithmetic in both, and so
//! it stands here once.

mod java;
mod xorshift;

pub(crate) use java::JavaRandom;
pub(crate) use xorshift::XorShiftRandom;

/// A source of up to 32 random bits, and Java's numbers made of them.
pub(crate) trait Random {
    /// The next `bits` bits (1 to 32), as Java's `int`: 32 bits may be negative.
    fn next(&mut self, bits: u32) -> i32;

    /// Uniform over all of `i32`.
    fn next_int(&mut self) -> i32 {
        self.next(32)
    }

    /// Uniform over what 64 bits of the source can make; the low half is added as a signed number.
    fn next_long(&mut self) -> i64 {
        let high = i64::from(self.next(32)) << 32;
        high.wrapping_add(i64::from(self.next(32)))
    }

    /// Uniform over `[0, 1)`, 53 bits.
    fn next_double(&mut self) -> f64 {
        let high = i64::from(self.next(26)) << 27;
        let bits = high + i64::from(self.next(27));
        bits as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

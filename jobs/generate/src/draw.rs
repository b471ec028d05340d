//! Draws of whole numbers. Invariant: nothing here depends on the platform, on a library's choice of distribution,
//! or on floating point.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws. The output of ChaCha8 is specified. This module turns it into numbers itself, because `rand` may
/// change how it does so from release to release.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// `purpose` gives each use of one seed a stream of its own.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&purpose.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 to `n` - 1. Taking the upper half of the product has a bias below n / 2³², too little for any test
    /// of these samples to see.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// True `n` times in 10,000.
    pub(crate) fn chance(&mut self, n: u32) -> bool {
        self.below(10_000) < n
    }

    /// A number around 0 with about this standard deviation. The sum of four even draws is bell-shaped enough for a town.
    pub(crate) fn around(&mut self, deviation: u32) -> i32 {
        // Four draws from -a to a have a standard deviation of a·√(4/3); 866/1000 undoes that.
        let half = deviation * 866 / 1000;
        (0..4)
            .map(|_| self.below(2 * half + 1) as i32 - half as i32)
            .sum()
    }

    /// A value of the table, drawn by its weight.
    pub(crate) fn pick<T: Copy>(&mut self, table: &[(u32, T)]) -> T {
        let total: u32 = table.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total);
        for &(weight, value) in table {
            if left < weight {
                return value;
            }
            left -= weight;
        }
        // Not reached, for the draw is below the sum of the weights.
        table[0].1
    }
}

/// An event that happens once in each stretch of `every` records, at a drawn place in the stretch.
pub(crate) struct Spread {
    every: u32,
    at: u32,
    place: u32,
}

impl Spread {
    pub(crate) fn new(every: u32) -> Self {
        Self {
            every,
            at: every,
            place: 0,
        }
    }

    /// Whether the event happens to this record. Ask once for each record.
    pub(crate) fn hits(&mut self, draw: &mut Draw) -> bool {
        if self.at == self.every {
            self.at = 0;
            self.place = draw.below(self.every);
        }
        let hit = self.at == self.place;
        self.at += 1;
        hit
    }
}

//! The memory pool that takes memory back from the feature cache.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use super::cache::{CONSUMER, FeatureCache};

/// A pool that drops points from the feature cache before it refuses memory. DataFusion's pools cannot ask for memory back.
#[derive(Debug)]
pub struct YieldingPool {
    inner: Arc<dyn MemoryPool>,
    cache: Arc<FeatureCache>,
}

impl YieldingPool {
    /// A pool around `inner`, which does the counting. `cache` takes its memory from `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn MemoryPool>, cache: Arc<FeatureCache>) -> Self {
        Self { inner, cache }
    }
}

impl fmt::Display for YieldingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl MemoryPool for YieldingPool {
    fn name(&self) -> &str {
        "yielding"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.inner.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.inner.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.inner.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.inner.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let refused = match self.inner.try_grow(reservation, additional) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let cache_itself = reservation.consumer().name() == CONSUMER;
        if !cache_itself && self.cache.push_out(additional, None) > 0 {
            return self.inner.try_grow(reservation, additional);
        }
        Err(refused)
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.inner.memory_limit()
    }
}

//! What lies in folders and buckets: batches, rejected records, models.

mod bucket;
mod upkeep;

//! What lies in folders and buckets: batches, rejected records, models.

mod away;
mod bucket;
mod upkeep;

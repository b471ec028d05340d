//! `produce` and `ingest` with a real Apache Kafka.

mod added;
mod cut_off;
mod independent;
mod pass;
mod promises;
mod raw;
mod reset;
mod secure;
mod watched;

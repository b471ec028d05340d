//! `produce` and `ingest` with a real Apache Kafka.

mod cut_off;
mod independent;
mod pass;
mod promises;
mod reset;
mod secure;
mod watched;

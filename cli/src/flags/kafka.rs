//! `--brokers`, `--client-config` and `-K`.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Failure;

/// How to reach Kafka.
#[derive(Debug, Args)]
pub(crate) struct KafkaClient {
    /// The Kafka brokers to begin with
    #[arg(long, value_name = "HOST:PORT,…")]
    pub(crate) brokers: String,
    /// A file of librdkafka's properties, one key=value per line; the place for TLS, SASL and their secrets
    #[arg(long, value_name = "FILE")]
    client_config: Option<PathBuf>,
    /// A property of librdkafka; may be given several times, and wins over the file and over Gugus' own setting
    #[arg(short = 'K', value_name = "KEY=VALUE")]
    properties: Vec<String>,
}

impl KafkaClient {
    /// The properties of the file, then those of the command line, which win.
    pub(crate) fn properties(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut properties = match &self.client_config {
            Some(path) => gugus_ingest::read_properties(path).map_err(Failure::usage)?,
            None => Vec::new(),
        };
        for text in &self.properties {
            properties.push(property(text)?);
        }
        Ok(properties)
    }
}

/// This is no parser for clap, because clap repeats the text that it refuses, and the text may hold a secret.
fn property(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err(Failure::usage(
            "a -K is no property; write -K KEY=VALUE, for example -K session.timeout.ms=10000",
        )),
    }
}

//! Ingest that outlives its brokers.

use std::time::Duration;

use gugus_ingest::{Error, ingest};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The time between two attempts to reach the brokers. Each attempt itself waits for some seconds.
const PAUSE: Duration = Duration::from_secs(2);

/// The longest name that Kafka takes.
const NAME_LIMIT: usize = 249;

/// The name of this member in the group of its job, as librdkafka's properties have it.
///
/// Kafka takes a killed member for a living one until the member's session ends, after 45 seconds. Until then nobody else
/// gets the member's partitions. A process that comes back under the same name gets them at once.
fn member(batches: &str) -> (String, String) {
    // Only Linux has this file. Elsewhere the folder alone is the name.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = format!("up-{}-{batches}", host.trim());
    let legal = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => c,
        _ => '_',
    };
    let name = name.chars().map(legal).take(NAME_LIMIT).collect();
    ("group.instance.id".to_owned(), name)
}

/// Ingests into the folder `batches` until `stop`. Sets `begun` once ingest reads the topic or has to wait for the brokers.
///
/// # Errors
/// Those of [`ingest::run`] which do not pass by themselves.
pub(crate) async fn ingest(
    mut config: ingest::Config,
    batches: &str,
    begun: watch::Sender<bool>,
    stop: CancellationToken,
) -> Result<(), Error> {
    // The user's own properties come later, and win.
    config.client.insert(0, member(batches));
    loop {
        let told = begun.clone();
        let ready = move || {
            told.send_replace(true);
        };
        match ingest::run(config.clone(), ready, stop.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if is_away(&error) => {
                let reason = gugus_error::chain(&error);
                tracing::warn!(
                    reason,
                    "ingest waits for kafka; models and predictions go on"
                );
                begun.send_replace(true);
            }
            Err(error) => return Err(error),
        }
        let pause = tokio::time::sleep(PAUSE);
        if stop.run_until_cancelled(pause).await.is_none() {
            return Ok(());
        }
    }
}

/// Whether the brokers only have to come back.
fn is_away(error: &Error) -> bool {
    matches!(error, Error::Broker { .. } | Error::LastRecord { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_keeps_its_name_and_kafka_takes_it() {
        let (key, name) = member("/srv/täglich/batch");
        assert_eq!(key, "group.instance.id");
        assert!(
            name.starts_with("up-") && name.ends_with("-_srv_t_glich_batch"),
            "{name}"
        );
        assert_eq!(member("/srv/täglich/batch").1, name);
        assert_ne!(member("/srv/batch").1, name);
        assert_eq!(member(&"x".repeat(1_000)).1.len(), NAME_LIMIT);
    }
}

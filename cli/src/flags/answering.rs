//! What REST answers, and of which models.

use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use gugus_serve::{Config, UnknownColumns};

/// What REST answers, and of which models.
#[derive(Debug, Args)]
pub(crate) struct Answering {
    /// The model that POST /predict_cluster/ asks; when absent, `location`, else `kmeans_model`, else the only model
    #[arg(long, value_name = "MODEL")]
    predict_cluster: Option<String>,
    /// Refuse records with columns that their model does not know; without this such columns are ignored
    #[arg(long)]
    strict_columns: bool,
    /// How often to look through the whole store. In a bucket, changes are noticed within this time; a folder on this
    /// machine tells of its changes at once. A store whose listing takes longer than a tenth of it is looked through less often
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = poll)]
    poll: Duration,
    /// How much memory the models may take. The models that were not asked for longest are dropped first
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    cache_size: ByteSize,
}

/// A duration as humantime reads it, but not zero.
fn poll(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(poll) if !poll.is_zero() => Ok(poll),
        Ok(_) => Err("it must be longer than zero, such as 500ms".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Answering {
    pub(crate) fn set(self, config: &mut Config) {
        config.predict_cluster = self.predict_cluster;
        config.poll = self.poll;
        config.cache_size = self.cache_size.as_u64();
        if self.strict_columns {
            config.unknown_columns = UnknownColumns::Refuse;
        }
    }
}

//! What REST answers, and of which models.

use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use gugus_serve::{Config, UnknownColumns};

use super::poll::poll;

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
    /// machine tells of its changes as they happen. If listing the store takes longer than a tenth of this time, the store is looked
    /// through less often
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = poll)]
    poll: Duration,
    /// How much memory the models may take. Models that nobody asked for longest are dropped first
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    cache_size: ByteSize,
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

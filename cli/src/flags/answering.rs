//! What REST makes of requests.

use clap::Args;
use gugus_serve::{Config, UnknownColumns};

/// What REST makes of requests.
#[derive(Debug, Args)]
pub(crate) struct Answering {
    /// The model that POST /predict_cluster/ asks; when absent, `location`, else `kmeans_model`, else the only model
    #[arg(long, value_name = "MODEL")]
    predict_cluster: Option<String>,
    /// Refuse records with columns that their model does not know; without this such columns are ignored
    #[arg(long)]
    strict_columns: bool,
}

impl Answering {
    pub(crate) fn set(self, config: &mut Config) {
        config.predict_cluster = self.predict_cluster;
        if self.strict_columns {
            config.unknown_columns = UnknownColumns::Refuse;
        }
    }
}

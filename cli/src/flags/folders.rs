//! `--batches` and `--models`.

use clap::Args;
use gugus_batches::BatchLog;
use gugus_files::{Store, Stores};

use crate::exit::Failure;

/// `--batches DIR|s3://…`.
#[derive(Debug, Args)]
pub(crate) struct BatchesFolder {
    /// The folder of batches, or s3://bucket/prefix with AWS' own variables (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …)
    #[arg(long, value_name = "DIR|s3://…", default_value = "data/batch")]
    batches: String,
}

impl BatchesFolder {
    pub(crate) fn open(&self, stores: &Stores) -> Result<Store, Failure> {
        stores.open(&self.batches).map_err(Failure::usage)
    }

    /// The batches as they are now, to read.
    pub(crate) async fn log(&self) -> Result<BatchLog, Failure> {
        let store = self.open(&Stores::from_env())?;
        BatchLog::read(store).await.map_err(Failure::usage)
    }

    /// The folder's absolute name, for another process that may run in another folder.
    pub(crate) fn absolute(&self) -> Result<String, Failure> {
        absolute(&self.batches)
    }
}

/// `--models DIR|s3://…`.
#[derive(Debug, Args)]
pub(crate) struct ModelsFolder {
    /// The folder of models, or s3://bucket/prefix with AWS' own variables (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …)
    #[arg(long, value_name = "DIR|s3://…", default_value = "data/models")]
    models: String,
}

impl ModelsFolder {
    pub(crate) fn open(&self, stores: &Stores) -> Result<Store, Failure> {
        stores.open(&self.models).map_err(Failure::usage)
    }

    /// The folder's absolute name, for another process that may run in another folder.
    pub(crate) fn absolute(&self) -> Result<String, Failure> {
        absolute(&self.models)
    }
}

fn absolute(place: &str) -> Result<String, Failure> {
    if place.contains("://") {
        return Ok(place.to_owned());
    }
    let path = std::path::absolute(place).map_err(Failure::usage)?;
    path.into_os_string().into_string().map_err(|path| {
        let path = path.display();
        Failure::usage(format!("the path {path} is not text; name another"))
    })
}

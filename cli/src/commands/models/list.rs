//! `gugus models list`.

use clap::Args;
use gugus_files::Stores;
use gugus_models::{ModelStore, WindowKey};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::flags::folders::ModelsFolder;
use crate::output::{Output, count, table};

/// List models, their batches and their windows
///
/// Example: gugus models list --models data/models
///
/// Next: `gugus models show MODEL` prints the centers of one model.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    models: ModelsFolder,
}

#[derive(Debug, Serialize)]
struct Listed {
    model: String,
    batches: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<WindowKey>,
}

impl List {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let store = ModelStore::new(self.models.open(&Stores::from_env())?);
        let listed = store.list().await.map_err(Failure::usage)?;
        let listed = listed.into_iter().map(|m| Listed {
            model: m.model,
            batches: m.batches.iter().map(|b| b.get()).collect(),
            windows: m.windows,
        });
        let listed: Vec<Listed> = listed.collect();
        output.show(&json!({ "models": listed }), || text(&listed))?;
        Ok(Code::Done)
    }
}

fn text(listed: &[Listed]) -> String {
    let mut table = table(["model", "batches", "first", "latest", "windows"]);
    let number = |batch: Option<&u64>| batch.map_or_else(|| "-".to_owned(), u64::to_string);
    for model in listed {
        table.add_row([
            model.model.clone(),
            count(model.batches.len() as u64),
            number(model.batches.first()),
            number(model.batches.last()),
            count(model.windows.len() as u64),
        ]);
    }
    table.to_string()
}

//! `gugus models list`.

use std::collections::BTreeMap;

use clap::Args;
use gugus_files::Stores;
use gugus_models::{ModelStore, WindowKey};
use gugus_spec::{AliasName, BatchNumber, ModelName};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::flags::folders::ModelsFolder;
use crate::output::{Output, count, table};

/// List models, their batches, windows and aliases
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    aliases: BTreeMap<AliasName, BatchNumber>,
}

impl List {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let store = ModelStore::new(self.models.open(&Stores::from_env())?);
        let mut listed = Vec::new();
        for m in store.list().await.map_err(Failure::usage)? {
            listed.push(Listed {
                batches: m.batches.iter().map(|b| b.get()).collect(),
                windows: m.windows,
                aliases: aliases(&store, &m.model).await?,
                model: m.model,
            });
        }
        output.show(&json!({ "models": listed }), || text(&listed))?;
        Ok(Code::Done)
    }
}

async fn aliases(
    store: &ModelStore,
    model: &str,
) -> Result<BTreeMap<AliasName, BatchNumber>, Failure> {
    let model: ModelName = model.parse().map_err(Failure::usage)?;
    let aliases = store.aliases(&model).await.map_err(Failure::usage)?;
    let aliases = aliases.aliases.into_iter();
    Ok(aliases.map(|(alias, of)| (alias, of.batch)).collect())
}

fn text(listed: &[Listed]) -> String {
    let mut table = table(["model", "batches", "first", "latest", "windows", "aliases"]);
    let number = |batch: Option<&u64>| batch.map_or_else(|| "-".to_owned(), u64::to_string);
    for model in listed {
        let aliases = model.aliases.iter();
        let aliases = aliases.map(|(alias, batch)| format!("{alias} = {batch}"));
        table.add_row([
            model.model.clone(),
            count(model.batches.len() as u64),
            number(model.batches.first()),
            number(model.batches.last()),
            count(model.windows.len() as u64),
            aliases.collect::<Vec<_>>().join(", "),
        ]);
    }
    table.to_string()
}

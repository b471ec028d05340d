//! `gugus models show`.

use clap::Args;
use gugus_files::Stores;
use gugus_models::{Extent, ListedModel, ModelStore, SavedModel, WindowKey};
use gugus_spec::BatchNumber;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::flags::folders::ModelsFolder;
use crate::output::{Output, count, print, print_json, table};

/// The most windows that a message names.
const WINDOWS_SHOWN: usize = 20;

/// Print one model: its features, how it was trained, its centers
///
/// Without --batch and --window the command prints the model of the latest batch, the model over all batches, or the model's
/// only window.
///
/// Example: gugus models show location --batch 1 --models data/models
///
/// Next: `gugus models evaluate` measures the model, `gugus models plot` draws it.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The model's name
    model: String,
    /// The batch; the latest when absent
    #[arg(long, value_name = "N")]
    batch: Option<BatchNumber>,
    /// The window, such as 2024-05
    #[arg(long, value_name = "KEY", conflicts_with = "batch")]
    window: Option<WindowKey>,
    #[command(flatten)]
    models: ModelsFolder,
}

impl Show {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let store = ModelStore::new(self.models.open(&Stores::from_env())?);
        let extent = match (self.batch, self.window) {
            (Some(batch), _) => Extent::Batch(batch),
            (None, Some(key)) => Extent::Window(key),
            (None, None) => latest(&store, &self.model).await?,
        };
        let saved = store.read(&self.model, extent.clone()).await;
        let saved = saved.map_err(Failure::usage)?;
        match output {
            Output::Json => print_json(&document(&self.model, &extent, &saved)?)?,
            Output::Text => print(&text(&self.model, &extent, &saved))?,
        }
        Ok(Code::Done)
    }
}

/// The model that is shown without flags: that of the latest batch, the one over all batches, or that of the only window.
async fn latest(store: &ModelStore, model: &str) -> Result<Extent, Failure> {
    let listed = store.list().await.map_err(Failure::usage)?;
    let Some(listed) = listed.iter().find(|m| m.model == model) else {
        return Ok(Extent::All);
    };
    let ListedModel {
        batches,
        windows,
        all,
        ..
    } = listed;
    match (batches.last(), all, windows.as_slice()) {
        (Some(batch), _, _) => Ok(Extent::Batch(*batch)),
        (None, false, [only]) => Ok(Extent::Window(only.clone())),
        (None, false, [_, ..]) => {
            let shown = windows.iter().take(WINDOWS_SHOWN);
            let shown: Vec<&str> = shown.map(WindowKey::as_str).collect();
            let more = match windows.len().saturating_sub(WINDOWS_SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Err(Failure::usage(format!(
                "model {model:?} has {} windows; name one with --window: {}{more}",
                windows.len(),
                shown.join(", ")
            )))
        }
        (None, _, _) => Ok(Extent::All),
    }
}

/// `model.json` with the centers. A folder that Spark wrote has no `model.json`, so it shows only name and batch.
fn document(
    model: &str,
    extent: &Extent,
    saved: &SavedModel,
) -> Result<serde_json::Value, Failure> {
    let mut document = match &saved.about {
        Some(about) => serde_json::to_value(about).map_err(Failure::failed)?,
        None => json!({ "model": model, "batch": extent.batch().map(BatchNumber::get) }),
    };
    document["centers"] = json!(saved.fitted.middles());
    Ok(document)
}

fn text(model: &str, extent: &Extent, saved: &SavedModel) -> String {
    let mut text = format!("model {model}");
    if let Some(number) = extent.batch() {
        text.push_str(&format!(", batch {number}"));
    }
    if let Some(key) = extent.window() {
        text.push_str(&format!(", window {:?}", key.as_str()));
    }
    let about = saved.about.as_ref();
    if let Some(about) = about {
        for feature in &about.features {
            text.push_str(&format!("\nfeature {} = {}", feature.name, feature.sql));
        }
        let fit = match about.algorithm.kmeans() {
            Some(params) => format!("k {}, seed {}", params.k, params.seed),
            None => about.algorithm.to_string(),
        };
        text.push_str(&format!(
            "\n{fit}, {} rows, {} iterations, training cost {}",
            count(about.summary.rows),
            about.summary.iterations,
            about.summary.training_cost
        ));
    }
    let mut table = table(["cluster", "rows", "center"]);
    for (index, center) in saved.fitted.middles().iter().enumerate() {
        let size = about
            .and_then(|a| a.summary.sizes.get(index))
            .map_or_else(|| "-".to_owned(), |n| count(*n));
        let center: Vec<String> = center.iter().map(f64::to_string).collect();
        table.add_row([index.to_string(), size, center.join(", ")]);
    }
    if let Some(noise) = about.map(|a| a.summary.noise).filter(|n| *n > 0) {
        table.add_row(["noise".to_owned(), count(noise), "-".to_owned()]);
    }
    format!("{text}\n{table}")
}

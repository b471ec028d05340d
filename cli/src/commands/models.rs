//! `gugus models`.

use clap::{Args, Subcommand};
use gugus_models::{Extent, ListedModel, ModelStore, Whole, WindowKey};
use gugus_spec::BatchNumber;
use serde::Serialize;

use crate::commands::ModelsFolder;
use crate::commands::evaluate::Evaluate;
use crate::commands::plot::Plot;
use crate::exit::{Code, Failure};
use crate::output::{Output, count, print, print_json, table};
use crate::signals::Stop;

/// Look at trained models
#[derive(Debug, Args)]
pub(crate) struct Models {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    output: Output,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List models, their batches and their windows
    List {
        #[command(flatten)]
        models: ModelsFolder,
    },
    /// Print one model: its features, how it was trained, its centers
    Show {
        /// The model's name
        model: String,
        /// The batch; the latest when absent
        #[arg(long, value_name = "N")]
        batch: Option<u64>,
        /// The window, for a model that has some, such as 2024-05
        #[arg(long, value_name = "KEY", conflicts_with = "batch")]
        window: Option<WindowKey>,
        #[command(flatten)]
        models: ModelsFolder,
    },
    Evaluate(Evaluate),
    Plot(Plot),
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    model: &'a str,
    batch: Option<u64>,
    #[serde(flatten)]
    about: Option<&'a gugus_models::ModelJson>,
    centers: &'a [Vec<f64>],
}

#[derive(Debug, Serialize)]
struct Listed {
    model: String,
    batches: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<WindowKey>,
}

/// How many windows a message names.
const WINDOWS_SHOWN: usize = 20;

impl Models {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match &self.what {
            What::List { models } => self.list(&ModelStore::new(models.open()?)).await,
            What::Show {
                model,
                batch,
                window,
                models,
            } => {
                let store = ModelStore::new(models.open()?);
                let extent = match (batch.and_then(BatchNumber::new), window) {
                    (Some(batch), _) => Extent::Batch(batch),
                    (None, Some(key)) => Extent::Window(key.clone()),
                    (None, None) => latest(&store, model).await?,
                };
                self.show(&store, model, extent).await
            }
            What::Evaluate(evaluate) => evaluate.run(self.output, &stop).await,
            What::Plot(plot) => plot.run(self.output, &stop).await,
        }
    }

    async fn list(&self, store: &ModelStore) -> Result<Code, Failure> {
        let listed = store.list().await.map_err(Failure::usage)?;
        let listed: Vec<Listed> = listed
            .into_iter()
            .map(|m| Listed {
                model: m.model,
                batches: m.batches.iter().map(|b| b.get()).collect(),
                windows: m.windows,
            })
            .collect();
        match self.output {
            Output::Json => print_json(&serde_json::json!({ "models": listed }))?,
            Output::Text => {
                let mut table = table(["model", "batches", "first", "latest", "windows"]);
                for model in &listed {
                    let number =
                        |batch: Option<&u64>| batch.map_or_else(|| "-".to_owned(), u64::to_string);
                    table.add_row([
                        model.model.clone(),
                        count(model.batches.len() as u64),
                        number(model.batches.first()),
                        number(model.batches.last()),
                        count(model.windows.len() as u64),
                    ]);
                }
                print(&table.to_string())?;
            }
        }
        Ok(Code::Done)
    }

    async fn show(&self, store: &ModelStore, model: &str, extent: Extent) -> Result<Code, Failure> {
        let saved = store.read(model, extent.clone()).await;
        let saved = saved.map_err(Failure::usage)?;
        let number = extent.batch().map(BatchNumber::get);
        match (self.output, &saved.about) {
            (Output::Json, about) => {
                // `model.json` names model and batch itself.
                let centers = &saved.fitted.middles();
                match about {
                    Some(about) => {
                        let mut document = serde_json::to_value(about).map_err(Failure::failed)?;
                        document["centers"] = serde_json::json!(centers);
                        print_json(&document)?;
                    }
                    None => print_json(&Shown {
                        model,
                        batch: number,
                        about: None,
                        centers,
                    })?,
                }
            }
            (Output::Text, about) => {
                let mut text = format!("model {model}");
                if let Some(number) = number {
                    text.push_str(&format!(", batch {number}"));
                }
                if let Some(key) = extent.window() {
                    text.push_str(&format!(", window {:?}", key.as_str()));
                }
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
                        count(about.rows),
                        about.iterations,
                        about.training_cost
                    ));
                }
                let mut table = table(["cluster", "rows", "center"]);
                for (index, center) in saved.fitted.middles().iter().enumerate() {
                    let size = about
                        .as_ref()
                        .and_then(|a| a.sizes.get(index))
                        .map_or_else(|| "-".to_owned(), |n| count(*n));
                    let center: Vec<String> = center.iter().map(f64::to_string).collect();
                    table.add_row([index.to_string(), size, center.join(", ")]);
                }
                if let Some(noise) = about.as_ref().map(|a| a.noise).filter(|n| *n > 0) {
                    table.add_row(["noise".to_owned(), count(noise), "-".to_owned()]);
                }
                print(&format!("{text}\n{table}"))?;
            }
        }
        Ok(Code::Done)
    }
}

/// What is shown of a model when nothing is asked for: its latest batch, the one over everything, its only window.
async fn latest(store: &ModelStore, model: &str) -> Result<Extent, Failure> {
    let listed = store.list().await.map_err(Failure::usage)?;
    let Some(listed) = listed.iter().find(|m| m.model == model) else {
        return Ok(Extent::All);
    };
    let ListedModel {
        batches,
        windows,
        whole,
        ..
    } = listed;
    match (batches.last(), whole, windows.as_slice()) {
        (Some(batch), _, _) => Ok(Extent::Batch(*batch)),
        (None, Whole::Absent, [only]) => Ok(Extent::Window(only.clone())),
        (None, Whole::Absent, [_, ..]) => {
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

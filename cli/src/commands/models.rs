//! `gugus models`.

use clap::{Args, Subcommand};
use gugus_store::{BatchNumber, ModelStore};
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
    /// List models and their batches
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
    about: Option<&'a gugus_store::ModelJson>,
    centers: &'a [Vec<f64>],
}

#[derive(Debug, Serialize)]
struct Listed {
    model: String,
    batches: Vec<u64>,
}

impl Models {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        match &self.what {
            What::List { models } => self.list(&ModelStore::new(models.open()?)).await,
            What::Show {
                model,
                batch,
                models,
            } => {
                self.show(&ModelStore::new(models.open()?), model, *batch)
                    .await
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
            })
            .collect();
        match self.output {
            Output::Json => print_json(&serde_json::json!({ "models": listed }))?,
            Output::Text => {
                let mut table = table(["model", "batches", "first", "latest"]);
                for model in &listed {
                    let number =
                        |batch: Option<&u64>| batch.map_or_else(|| "-".to_owned(), u64::to_string);
                    table.add_row([
                        model.model.clone(),
                        count(model.batches.len() as u64),
                        number(model.batches.first()),
                        number(model.batches.last()),
                    ]);
                }
                print(&table.to_string())?;
            }
        }
        Ok(Code::Done)
    }

    async fn show(
        &self,
        store: &ModelStore,
        model: &str,
        batch: Option<u64>,
    ) -> Result<Code, Failure> {
        let batch = match batch.and_then(BatchNumber::new) {
            Some(batch) => Some(batch),
            None => {
                let listed = store.list().await.map_err(Failure::usage)?;
                listed
                    .iter()
                    .find(|m| m.model == model)
                    .and_then(|m| m.batches.last().copied())
            }
        };
        let saved = store.read(model, batch).await.map_err(Failure::usage)?;
        let number = batch.map(BatchNumber::get);
        match (self.output, &saved.about) {
            (Output::Json, about) => {
                // `model.json` names model and batch itself.
                let centers = &saved.centers;
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
                if let Some(about) = about {
                    for feature in &about.features {
                        text.push_str(&format!("\nfeature {} = {}", feature.name, feature.sql));
                    }
                    text.push_str(&format!(
                        "\nk {}, seed {}, {} rows, {} iterations, training cost {}",
                        about.k,
                        about.seed,
                        count(about.rows),
                        about.iterations,
                        about.training_cost
                    ));
                }
                let mut table = table(["cluster", "rows", "center"]);
                for (index, center) in saved.centers.iter().enumerate() {
                    let size = about
                        .as_ref()
                        .and_then(|a| a.sizes.get(index))
                        .map_or_else(|| "-".to_owned(), |n| count(*n));
                    let center: Vec<String> = center.iter().map(f64::to_string).collect();
                    table.add_row([index.to_string(), size, center.join(", ")]);
                }
                print(&format!("{text}\n{table}"))?;
            }
        }
        Ok(Code::Done)
    }
}

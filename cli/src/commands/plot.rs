//! `gugus models plot`.

use std::path::{Path, PathBuf};

use clap::Args;
use gugus_evaluate::{On, Subject, Which};
use gugus_models::WindowKey;
use gugus_plot::Axes;
use serde::Serialize;

use crate::commands::cluster::OnCluster;
use crate::commands::evaluate::{asked, which};
use crate::commands::{BatchesFolder, ModelsFolder};
use crate::exit::{Code, Failure};
use crate::output::{Output, count, print, print_json};
use crate::signals::Stop;

/// Draw the map of a model as SVG: the rows that it was trained on, coloured by cluster, and its centers
///
/// The map shows two features, by default the first two; a latitude and a longitude as on a map. Of many rows, 20,000 are drawn,
/// the same ones every time. Without --scheduler a cluster is started within this process.
#[derive(Debug, Args)]
pub(crate) struct Plot {
    /// The model's name
    model: String,
    /// The batch that it was trained on, or `all` for the model over everything; the latest when absent
    #[arg(long, value_name = "N|all", value_parser = which)]
    batch: Option<Which>,
    /// The window that it was trained on, for a model that has some, such as 2024-05
    #[arg(long, value_name = "KEY", conflicts_with = "batch")]
    window: Option<WindowKey>,
    /// The feature that is drawn to the right
    #[arg(long, value_name = "FEATURE")]
    x: Option<String>,
    /// The feature that is drawn upwards
    #[arg(long, value_name = "FEATURE")]
    y: Option<String>,
    /// The file to write
    #[arg(long, value_name = "FILE.svg")]
    output_file: PathBuf,
    #[command(flatten)]
    models: ModelsFolder,
    #[command(flatten)]
    batches: BatchesFolder,
    #[command(flatten)]
    cluster: OnCluster,
}

#[derive(Debug, Serialize)]
struct Plotted<'a> {
    model: &'a str,
    batch: Option<u64>,
    window: Option<&'a str>,
    rows: u64,
    drawn: usize,
    x: &'a str,
    y: &'a str,
    file: &'a Path,
}

#[derive(Debug, thiserror::Error)]
#[error("{} could not be written", path.display())]
struct WriteError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl Plot {
    pub(crate) async fn run(&self, output: Output, stop: &Stop) -> Result<Code, Failure> {
        let (models, batches) = (self.models.open()?, self.batches.open()?);
        let which = asked(self.batch.as_ref(), self.window.as_ref());
        let subject = Subject::find(models, batches, &self.model, which, On::Trained).await?;
        let (x, y) = (self.x.as_deref(), self.y.as_deref());
        let axes = Axes::find(&self.model, &subject.features(), x, y).map_err(Failure::usage)?;
        // The cluster in this process has to outlive its work.
        let (cluster, _embedded) = self.cluster.connect().await?;
        let sample = subject.sample(&cluster, &stop.token).await?;
        let path = &self.output_file;
        tokio::fs::write(path, sample.draw(axes))
            .await
            .map_err(|source| {
                let path = path.clone();
                Failure::failed(WriteError { path, source })
            })?;
        let (x, y) = axes.names(&sample.features);
        let drawn = sample.drawn.len();
        match output {
            Output::Json => print_json(&Plotted {
                model: &sample.model,
                batch: sample.batch,
                window: sample.window.as_deref(),
                rows: sample.rows,
                drawn,
                x,
                y,
                file: path,
            })?,
            Output::Text => {
                let (rows, drawn) = (count(sample.rows), count(drawn as u64));
                let path = path.display();
                print(&format!(
                    "wrote {path}: {x} and {y} of {drawn} of {rows} rows"
                ))?;
            }
        }
        Ok(Code::Done)
    }
}

//! `gugus models plot`.

use std::path::{Path, PathBuf};

use clap::Args;
use gugus_evaluate::{On, Subject};
use gugus_files::Stores;
use gugus_plot::Axes;
use serde::Serialize;

use crate::exit::{Code, Failure};
use crate::flags::cluster::OnCluster;
use crate::flags::folders::{BatchesFolder, ModelsFolder};
use crate::flags::model::ChosenModel;
use crate::output::file::not_written;
use crate::output::{Output, count};
use crate::signals::Stop;

/// Draw the map of a model as SVG: the rows that it was trained on, coloured by cluster, and its centers
///
/// The map shows two features, by default the first two. It shows a latitude and a longitude as a map of the world
/// does. If there are more than 20,000 rows, the command draws 20,000 of them, the same ones every time. Without
/// --scheduler a cluster is started within this process.
///
/// Example: gugus models plot location --batch 1 --output-file location.svg
///
/// Next: open the file in a browser. `gugus models evaluate` puts numbers on what you see.
#[derive(Debug, Args)]
pub(super) struct Plot {
    #[command(flatten)]
    chosen: ChosenModel,
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

impl Plot {
    pub(super) async fn run(self, output: Output, stop: &Stop) -> Result<Code, Failure> {
        let stores = Stores::from_env();
        let models = self.models.open(&stores)?;
        let batches = self.batches.open(&stores)?;
        let cluster = self.cluster.load()?;
        let (model, which) = (&self.chosen.model, self.chosen.which());
        let subject = Subject::find(models, batches, model, which, On::Trained).await?;
        let (x, y) = (self.x.as_deref(), self.y.as_deref());
        let axes = Axes::find(model, &subject.features(), x, y).map_err(Failure::usage)?;
        let connected = cluster.connect(&stores, &stop.token).await?;
        let sampling = subject.sample(&connected.cluster, &stop.token);
        let sample = connected.outlive(sampling).await??;
        let path = &self.output_file;
        tokio::fs::write(path, sample.draw(axes))
            .await
            .map_err(|source| not_written(path, source))?;
        let (x, y) = axes.names(&sample.features);
        let drawn = sample.drawn.len();
        let plotted = Plotted {
            model: &sample.model,
            batch: sample.batch,
            window: sample.window.as_deref(),
            rows: sample.rows,
            drawn,
            x,
            y,
            file: path,
        };
        output.show(&plotted, || {
            let (rows, drawn) = (count(sample.rows), count(drawn as u64));
            let path = path.display();
            format!("wrote {path}: {x} and {y} of {drawn} of {rows} rows")
        })?;
        Ok(Code::Done)
    }
}

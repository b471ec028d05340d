//! `gugus rejected list`.

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::flags::folders::BatchesFolder;
use crate::output::{Output, count, table};

/// List the batches that rejected records, and how many records are still rejected
///
/// Example: gugus rejected list --batches data/batch
///
/// Next: `gugus rejected show` prints the records with their reasons.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    batches: BatchesFolder,
}

/// A line of `rejected list`.
#[derive(Serialize)]
struct Listed {
    batch: u64,
    rejected: u64,
    replayed: u64,
    file: String,
}

impl List {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let log = self.batches.log().await?;
        let rejects = log.rejects().await.map_err(Failure::failed)?;
        let listed = rejects.iter().map(|rejects| Listed {
            batch: rejects.batch.get(),
            rejected: rejects.left(),
            replayed: rejects.replayed.len() as u64,
            file: rejects.file.file.clone(),
        });
        let listed: Vec<Listed> = listed.collect();
        output.show(&json!({ "rejected": listed }), || text(&listed))?;
        Ok(Code::Done)
    }
}

fn text(listed: &[Listed]) -> String {
    let mut table = table(["batch", "rejected", "replayed", "file"]);
    for line in listed {
        table.add_row([
            line.batch.to_string(),
            count(line.rejected),
            count(line.replayed),
            line.file.clone(),
        ]);
    }
    let left = listed.iter().map(|line| line.rejected).sum();
    format!("{table}\n{} records are rejected", count(left))
}

//! `gugus batches list`.

use clap::Args;
use gugus_batches::Footer;
use serde_json::json;

use crate::exit::{Code, Failure};
use crate::flags::folders::BatchesFolder;
use crate::output::offsets::offsets;
use crate::output::{Output, count, print, print_json, table};

/// How many footers are read at a time.
const FOOTERS_AT_ONCE: usize = 1_000;

/// List batches: number, rows, offsets, commit
///
/// Example: gugus batches list --batches data/batch
///
/// Next: `gugus batches show 1` prints one batch, `gugus batches verify` proves that no record is missing.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    batches: BatchesFolder,
}

impl List {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let log = self.batches.log().await?;
        let numbers = log.numbers().await.map_err(Failure::failed)?;
        let mut footers: Vec<Footer> = Vec::new();
        for numbers in numbers.chunks(FOOTERS_AT_ONCE) {
            let read = log.footers(numbers).await.map_err(Failure::failed)?;
            // A listing does not show columns; with a million batches they would be most of the memory.
            footers.extend(read.into_iter().map(|footer| Footer {
                schema: Vec::new(),
                ..footer
            }));
        }
        let batches = footers.iter().map(|footer| {
            json!({
                "number": footer.number.get(), "rows": footer.rows, "rejected": footer.rejected_rows(),
                "ranges": footer.ranges, "commit_id": footer.commit_id,
            })
        });
        match output {
            Output::Json => print_json(&json!({ "batches": batches.collect::<Vec<_>>() }))?,
            Output::Text => print(&text(&footers))?,
        }
        Ok(Code::Done)
    }
}

fn text(footers: &[Footer]) -> String {
    let mut table = table(["batch", "rows", "rejected", "offsets", "commit"]);
    for footer in footers {
        table.add_row([
            footer.number.get().to_string(),
            count(footer.rows),
            count(footer.rejected_rows()),
            offsets(footer),
            footer.commit_id.to_string(),
        ]);
    }
    table.to_string()
}

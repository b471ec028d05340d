//! `gugus batches show`.

use clap::Args;
use gugus_batches::Footer;
use gugus_spec::BatchNumber;

use crate::exit::{Code, Failure};
use crate::flags::folders::BatchesFolder;
use crate::output::offsets::offsets;
use crate::output::{Output, count, table};

/// Print the footer of one batch
///
/// The footer names the offsets that the batch holds, the rejected records, and the columns.
///
/// Example: gugus batches show 1 --batches data/batch
///
/// Next: `gugus models show MODEL --batch 1` prints what was trained on the batch.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The batch's number
    number: BatchNumber,
    #[command(flatten)]
    batches: BatchesFolder,
}

impl Show {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let log = self.batches.log().await?;
        let footer = log.footer(self.number).await.map_err(Failure::usage)?;
        output.show(&footer, || text(&footer))?;
        Ok(Code::Done)
    }
}

fn text(footer: &Footer) -> String {
    let mut text = format!(
        "batch {} of job {}, topic {}\nrows {}, rejected {}\noffsets {}\ncommit {}",
        footer.number.get(),
        footer.job,
        footer.topic,
        count(footer.rows),
        count(footer.rejected_rows()),
        offsets(footer),
        footer.commit_id,
    );
    for part in &footer.imported {
        text.push_str(&format!(
            "\nimported records {}..{} of file {}",
            part.first, part.next, part.sha256
        ));
    }
    let mut table = table(["column", "type"]);
    for field in &footer.schema {
        table.add_row([&field.name, &field.data_type]);
    }
    format!("{text}\n{table}")
}

//! `gugus batches verify`.

use clap::Args;
use gugus_batches::{JumpReason, LogError, Verification};
use gugus_files::Stores;

use crate::exit::{Code, Failure};
use crate::flags::folders::BatchesFolder;
use crate::output::progress::progress;
use crate::output::{Output, count};

/// Prove from the files that every offset is in exactly one place, unchanged; exit code 1 when there are problems
///
/// The proof reads all batches and reject files and asks no broker. Run it after a crash or a restored backup. Each batch has
/// the hashes of its bytes, and the hash of the footer before. Batches of earlier builds have none, and are counted.
///
/// Example: gugus batches verify --batches data/batch
///
/// Next: `gugus batches show NUMBER` prints the batch that a problem names.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    batches: BatchesFolder,
    /// Read only footers: changes of rows and of reject files do not show
    #[arg(long)]
    quick: bool,
}

impl Verify {
    pub(super) async fn run(self, output: Output) -> Result<Code, Failure> {
        let store = self.batches.open(&Stores::from_env())?;
        let bar = progress(None, "batches");
        let progress = |done| bar.set_position(done);
        let verified = match self.quick {
            true => gugus_batches::verify_footers(&store, progress).await,
            false => gugus_batches::verify(&store, progress).await,
        };
        let verified = verified.map_err(|error| match error {
            LogError::NoFolder { .. } | LogError::Store(_) => Failure::usage(error),
            other => Failure::failed(other),
        })?;
        bar.finish_and_clear();
        let all_is_well = match self.quick {
            true => "every footer is as it was written, and continues the one before",
            false => "every offset is in exactly one place",
        };
        output.show(&verified, || text(&verified, all_is_well))?;
        Ok(if verified.problems.is_empty() {
            Code::Done
        } else {
            Code::Problems
        })
    }
}

fn text(verified: &Verification, all_is_well: &str) -> String {
    let mut text = format!(
        "{} batches, {} records, {} rejected",
        count(verified.batches),
        count(verified.records),
        count(verified.rejected)
    );
    if verified.replayed > 0 {
        text.push_str(&format!(
            "\nof the records {} were rejected first and replayed",
            count(verified.replayed)
        ));
    }
    for part in &verified.partitions {
        text.push_str(&format!(
            "\n{} partition {}: offsets {}..{}",
            part.topic, part.partition, part.first, part.next
        ));
    }
    for jump in &verified.jumps {
        text.push_str(&format!(
            "\nbatch {} went on in partition {} at offset {} instead of {}, as it was told to: the topic {}",
            jump.batch.get(),
            jump.partition,
            jump.to,
            jump.from,
            match jump.reason {
                JumpReason::Deleted => "had deleted the records between",
                JumpReason::Recreated => "was another than before",
            }
        ));
    }
    if verified.without_hash > 0 {
        text.push_str(&format!(
            "\n{} batches of an earlier version have no hash, so changes of their rows may not show",
            count(verified.without_hash)
        ));
    }
    for problem in &verified.problems {
        text.push_str(&format!("\nproblem: {problem}"));
    }
    if verified.problems.is_empty() {
        text.push('\n');
        text.push_str(all_is_well);
    }
    text
}

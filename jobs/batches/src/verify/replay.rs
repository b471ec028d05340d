//! Checks replays. Each row of a replay is a record of a reject file that the replay names, and in no other replay.

use std::collections::{BTreeMap, BTreeSet};

use gugus_files::Store;
use gugus_spec::BatchNumber;

use super::batch::read_rejects;
use crate::{Footer, RejectFile};

/// The reject files of the batches read so far.
#[derive(Default)]
pub(super) struct Replays {
    named: BTreeMap<String, Named>,
    /// Whether some batches could not be read, because they are pruned or damaged. They may have named reject files.
    incomplete: bool,
    begun: bool,
    /// The number of records that replays took.
    pub(super) replayed: u64,
}

/// A reject file.
struct Named {
    batch: BatchNumber,
    file: RejectFile,
    /// The places of its replayed records.
    taken: BTreeSet<(i32, i64)>,
    /// The number of its replayed records, by the footers.
    rows_taken: u64,
}

impl Replays {
    /// Adds a batch. `rows` has the places of its rows if the batch is a replay and could be read. Without a store, reject files are not
    /// read.
    pub(super) async fn add(
        &mut self,
        store: Option<&Store>,
        footer: &Footer,
        rows: Option<&[(i32, i64)]>,
        problems: &mut Vec<String>,
    ) {
        self.incomplete |= !self.begun && footer.number != BatchNumber::FIRST;
        self.begun = true;
        if !footer.replayed.is_empty() {
            self.replayed += footer.rows;
            self.check(store, footer, rows, problems).await;
        }
        if let Some(file) = &footer.rejected {
            let named = Named {
                batch: footer.number,
                file: file.clone(),
                taken: BTreeSet::new(),
                rows_taken: 0,
            };
            self.named.insert(file.file.clone(), named);
        }
    }

    /// Notes a batch whose footer could not be read.
    pub(super) fn lose(&mut self) {
        self.begun = true;
        self.incomplete = true;
    }

    /// How many records are still rejected.
    pub(super) fn left(&self) -> u64 {
        let left = |named: &Named| named.file.rows.saturating_sub(named.rows_taken);
        self.named.values().map(left).sum()
    }

    pub(super) fn names(&self, file: &str) -> bool {
        self.named.contains_key(file)
    }

    async fn check(
        &mut self,
        store: Option<&Store>,
        footer: &Footer,
        rows: Option<&[(i32, i64)]>,
        problems: &mut Vec<String>,
    ) {
        let batch = footer.number.file_name();
        let mut problem = |text: String| problems.push(format!("{batch}: {text}"));
        let claimed: u64 = footer
            .replayed
            .iter()
            .fold(0, |sum, part| part.rows.saturating_add(sum));
        if claimed != footer.rows {
            problem(format!(
                "{} rows, where the files that it replays give {claimed}",
                footer.rows
            ));
        }
        let mut left: BTreeSet<(i32, i64)> = rows.unwrap_or_default().iter().copied().collect();
        // Whether every named file could be read. Only then is a row that is in none of them a problem.
        let mut all_read = true;
        for part in &footer.replayed {
            let Some(named) = self.named.get_mut(&part.file) else {
                all_read = false;
                if !self.incomplete {
                    problem(format!(
                        "it replays {}, which no batch before names",
                        part.file
                    ));
                }
                continue;
            };
            named.rows_taken = named.rows_taken.saturating_add(part.rows);
            // Problems of the file were reported with its own batch.
            let records = match store {
                Some(store) => read_rejects(store, named.batch, &named.file, &mut Vec::new()).await,
                None => None,
            };
            let (Some(records), true) = (records, rows.is_some()) else {
                all_read = false;
                continue;
            };
            let mut count = 0;
            for place in records {
                if !left.remove(&place) {
                    continue;
                }
                count += 1;
                if !named.taken.insert(place) {
                    let (partition, offset) = place;
                    problem(format!(
                        "offset {offset} of partition {partition} is replayed a second time"
                    ));
                }
            }
            if count != part.rows {
                problem(format!(
                    "{count} of its rows are of {}, where its footer says {}",
                    part.file, part.rows
                ));
            }
        }
        if let Some((partition, offset)) = left.first().filter(|_| all_read) {
            let others = left.len() - 1;
            problem(format!(
                "offset {offset} of partition {partition} is in none of the files that it replays ({others} more)"
            ));
        }
    }
}

//! One store of batches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use gugus_batches::{BatchLog, Footer, LogError, Reach, Rejects};
use gugus_files::{Store, StoreError};
use gugus_pages::batch::Head as FirstRows;
use gugus_pages::stores::{Reason, RejectSample};
use gugus_spec::BatchNumber;
use moka::future::Cache;
use tokio::sync::OnceCell;

use super::fresh::Fresh;
use super::scan::{Scan, Scanned};
use crate::problem::Problem;

/// Footers that are kept: those of ten pages.
const FOOTERS: u64 = 1_000;

/// Batches whose rejects and first rows are kept.
const LOOKED_INTO: u64 = 50;

/// Footers that are read at a time: enough to hide the time of a request to a bucket.
const AT_ONCE: usize = 16;

/// How long a viewer waits until the footers are read that were not read yet.
const PATIENCE: Duration = Duration::from_millis(60);

/// The batches over which a rate is taken.
const RATE_OVER: u64 = 20;

/// A store whose newest batch is older has no rate.
const LATELY: Duration = Duration::from_secs(15 * 60);

/// A file that is larger is not fetched for a page, nor a reject file with more records.
const LARGEST: u64 = 64 << 20;
const MOST_REJECTS: u64 = 50_000;

/// First rows, their columns, and the characters of each value.
const ROWS: usize = 20;
const COLUMNS: usize = 40;
const CHARACTERS: usize = 80;

/// Reasons that a page names, samples of each, and bytes of each.
const REASONS: usize = 20;
const SAMPLES: usize = 3;
const BYTES: usize = 120;

/// One store of batches, with what was read of it.
pub(crate) struct LogView {
    store: Store,
    log: OnceCell<BatchLog>,
    head: Arc<Fresh<Option<Head>>>,
    scan: Mutex<Scan>,
    /// Held by the one who reads footers into the scan.
    scanning: tokio::sync::Mutex<()>,
    footers: Cache<BatchNumber, Arc<Footer>>,
    rejects: Cache<BatchNumber, Arc<Vec<Reason>>>,
    first_rows: Cache<BatchNumber, Arc<FirstRows>>,
}

/// How far a log reaches.
pub(crate) struct Head {
    pub(crate) reach: Reach,
    pub(crate) footer: Footer,
    pub(crate) written: Option<SystemTime>,
    /// Batches in an hour, lately.
    pub(crate) per_hour: Option<f64>,
}

impl Head {
    /// How many batches there are.
    pub(crate) fn batches(&self) -> u64 {
        self.reach.newest.get() - self.reach.first.get() + 1
    }
}

impl LogView {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            log: OnceCell::new(),
            head: Arc::default(),
            scan: Mutex::default(),
            scanning: tokio::sync::Mutex::default(),
            footers: Cache::new(FOOTERS),
            rejects: Cache::new(LOOKED_INTO),
            first_rows: Cache::new(LOOKED_INTO),
        }
    }

    /// How far the log reaches; none while it is empty.
    pub(crate) async fn head(self: &Arc<Self>) -> Result<Arc<Option<Head>>, Problem> {
        let this = Arc::clone(self);
        let look = async move {
            let head = this.look().await.map_err(Problem::from)?;
            if let Some(head) = &head {
                this.forget_another_log(head);
            }
            Ok(head)
        };
        self.head.get(look).await
    }

    async fn look(&self) -> Result<Option<Head>, LogError> {
        let log = self.log().await?;
        let Some(reach) = log.reach().await? else {
            return Ok(None);
        };
        let footer = log.footer(reach.newest).await?;
        let written = self.about(reach.newest).await?.map(|(_, written)| written);
        let before = reach
            .newest
            .get()
            .saturating_sub(RATE_OVER)
            .max(reach.first.get());
        let mut per_hour = None;
        if let (Some(newest), Some(number)) = (written, BatchNumber::new(before))
            && newest.elapsed().is_ok_and(|age| age < LATELY)
            && let Some((_, then)) = self.about(number).await?
            && let Ok(took) = newest.duration_since(then)
            && !took.is_zero()
        {
            #[allow(clippy::cast_precision_loss)] // twenty batches
            let batches = (reach.newest.get() - before) as f64;
            per_hour = Some(batches / took.as_secs_f64() * 3600.0);
        }
        Ok(Some(Head {
            reach,
            footer,
            written,
            per_hour,
        }))
    }

    /// Size and time of a batch's file.
    pub(crate) async fn about(
        &self,
        number: BatchNumber,
    ) -> Result<Option<(u64, SystemTime)>, StoreError> {
        let head = self.store.head(&number.file_name()).await?;
        Ok(head.map(|head| (head.about.size, head.about.modified)))
    }

    async fn log(&self) -> Result<&BatchLog, LogError> {
        self.log
            .get_or_try_init(|| BatchLog::read(self.store.clone()))
            .await
    }

    /// Somebody may have pruned the log, or have put another one into the same folder. Then everything is read anew.
    fn forget_another_log(&self, head: &Head) {
        let mut scan = self.scan();
        let (first, newest) = (head.reach.first.get(), head.reach.newest.get());
        if scan.first() != first || scan.next() > newest + 1 || !scan.is_of(&head.footer) {
            *scan = Scan::from(head.reach.first);
            self.footers.invalidate_all();
            self.rejects.invalidate_all();
            self.first_rows.invalidate_all();
        }
    }

    /// What all footers come to. Footers that were not read yet are read on, and the next viewer sees more.
    pub(crate) async fn scanned(self: &Arc<Self>, head: &Head) -> Scanned {
        let newest = head.reach.newest;
        if self.scan().next() <= newest.get() {
            let this = Arc::clone(self);
            let reading = tokio::spawn(async move { this.read_on(newest).await });
            // It reads on when nobody waits any more.
            let _ = tokio::time::timeout(PATIENCE, reading).await;
        }
        self.scan().now()
    }

    async fn read_on(&self, newest: BatchNumber) {
        let Ok(_one) = self.scanning.try_lock() else {
            return;
        };
        let Ok(log) = self.log().await else { return };
        let (first, next) = {
            let scan = self.scan();
            (scan.first(), scan.next())
        };
        let numbers = (next..=newest.get()).filter_map(BatchNumber::new);
        let mut footers = futures::stream::iter(numbers)
            .map(|number| async move { (number, log.footer(number).await) })
            .buffered(AT_ONCE);
        while let Some((number, footer)) = footers.next().await {
            let mut scan = self.scan();
            if scan.first() != first || scan.next() != number.get() {
                return;
            }
            // The store is at fault and not the batch: the next look reads the footer again.
            if let Err(LogError::Store(_)) = footer {
                return;
            }
            scan.add(number, footer);
        }
    }

    fn scan(&self) -> MutexGuard<'_, Scan> {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The footer of a batch.
    pub(crate) async fn footer(&self, number: BatchNumber) -> Result<Arc<Footer>, Problem> {
        let read = async { self.log().await?.footer(number).await.map(Arc::new) };
        let read = self.footers.try_get_with(number, read).await;
        read.map_err(|error| Problem::from(&*error))
    }

    /// The footers of several batches, each with the reason if it cannot be read.
    pub(crate) async fn footers(
        &self,
        numbers: impl Iterator<Item = u64>,
    ) -> Vec<(u64, Result<Arc<Footer>, Problem>)> {
        let numbers = numbers.filter_map(BatchNumber::new);
        let footers =
            numbers.map(|number| async move { (number.get(), self.footer(number).await) });
        let all: Vec<_> = footers.collect();
        futures::stream::iter(all).buffered(AT_ONCE).collect().await
    }

    /// The first rows of a batch.
    pub(crate) async fn first_rows(
        &self,
        footer: &Footer,
        size: u64,
    ) -> Result<Arc<FirstRows>, Problem> {
        if size > LARGEST {
            return Ok(Arc::new(FirstRows {
                note: Some(format!(
                    "The file is too large for a page. Read it with any tool for Parquet: {}",
                    self.store.display(&footer.number.file_name())
                )),
                ..FirstRows::default()
            }));
        }
        let read = async {
            let rows = self.log().await?.first_rows(footer.number, ROWS).await?;
            Ok(Arc::new(first_rows(&rows, footer.rows)))
        };
        let read = self.first_rows.try_get_with(footer.number, read).await;
        read.map_err(|error: Arc<LogError>| Problem::from(&*error))
    }

    /// The rejects of a batch by reason; none where there are too many for a page.
    pub(crate) async fn rejects(
        &self,
        footer: &Footer,
    ) -> Result<Option<Arc<Vec<Reason>>>, Problem> {
        let Some(file) = &footer.rejected else {
            return Ok(Some(Arc::default()));
        };
        if file.rows > MOST_REJECTS {
            return Ok(None);
        }
        let read = async {
            let rejects = Rejects {
                batch: footer.number,
                file: file.clone(),
                replayed: std::collections::BTreeSet::new(),
                generation: 0,
            };
            let records = self.log().await?.rejected_records(&rejects).await?;
            let mut by_reason: HashMap<String, Reason> = HashMap::new();
            for record in records {
                let reason = by_reason
                    .entry(record.reason.clone())
                    .or_insert_with(|| Reason {
                        reason: record.reason.clone(),
                        records: 0,
                        samples: Vec::new(),
                    });
                reason.records += 1;
                if reason.samples.len() < SAMPLES {
                    reason.samples.push(RejectSample {
                        batch: footer.number.get(),
                        partition: record.partition,
                        offset: record.offset,
                        value: record.value.as_deref().map(readable),
                    });
                }
            }
            Ok(Arc::new(most_frequent(by_reason)))
        };
        let read = self.rejects.try_get_with(footer.number, read).await;
        read.map(Some)
            .map_err(|error: Arc<LogError>| Problem::from(&*error))
    }

    /// The rejects of several batches together, by reason.
    pub(crate) async fn rejects_of(&self, batches: &[u64]) -> Vec<Reason> {
        let mut by_reason: HashMap<String, Reason> = HashMap::new();
        for number in batches
            .iter()
            .filter_map(|number| BatchNumber::new(*number))
        {
            let Ok(footer) = self.footer(number).await else {
                continue;
            };
            let Ok(Some(reasons)) = self.rejects(&footer).await else {
                continue;
            };
            for reason in reasons.iter() {
                match by_reason.get_mut(&reason.reason) {
                    None => {
                        by_reason.insert(reason.reason.clone(), reason.clone());
                    }
                    Some(known) => {
                        known.records += reason.records;
                        let room = SAMPLES.saturating_sub(known.samples.len());
                        known
                            .samples
                            .extend(reason.samples.iter().take(room).cloned());
                    }
                }
            }
        }
        most_frequent(by_reason)
    }
}

fn most_frequent(by_reason: HashMap<String, Reason>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = by_reason.into_values().collect();
    reasons.sort_unstable_by(|one, other| {
        (other.records, &one.reason).cmp(&(one.records, &other.reason))
    });
    reasons.truncate(REASONS);
    reasons
}

/// The first bytes of a record as text. Bytes that are no text, and characters that cannot be seen, are escaped.
fn readable(bytes: &[u8]) -> String {
    let beginning = bytes.get(..BYTES).unwrap_or(bytes);
    let mut text = String::with_capacity(beginning.len());
    for chunk in beginning.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        // The last bytes may be the beginning of a character that was cut.
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if bytes.len() > beginning.len() {
        text.push('…');
    }
    text
}

fn first_rows(rows: &datafusion::arrow::array::RecordBatch, of: u64) -> FirstRows {
    let options = FormatOptions::default().with_display_error(true);
    let schema = rows.schema();
    let shown = rows.columns().iter().take(COLUMNS);
    let formatters: Vec<_> = shown
        .map(|column| {
            ArrayFormatter::try_new(column, &options)
                .ok()
                .map(|formatter| (column, formatter))
        })
        .collect();
    let text = |row: usize| {
        let cells = formatters.iter().map(|cell| match cell {
            Some((column, formatter)) if column.is_valid(row) => Some(gugus_look::shortened(
                &formatter.value(row).to_string(),
                CHARACTERS,
            )),
            _ => None,
        });
        cells.collect()
    };
    let (columns, all) = (schema.fields().len().min(COLUMNS), schema.fields().len());
    let mut notes = Vec::new();
    if of > rows.num_rows() as u64 {
        notes.push(format!(
            "The first {} of {}.",
            rows.num_rows(),
            gugus_look::quantity(of, "row", "rows")
        ));
    }
    if all > columns {
        notes.push(format!("The first {columns} of {all} columns."));
    }
    if of == 0 {
        notes.push("The batch has no rows.".to_owned());
    }
    FirstRows {
        columns: schema
            .fields()
            .iter()
            .take(columns)
            .map(|field| field.name().clone())
            .collect(),
        rows: (0..rows.num_rows()).map(text).collect(),
        note: (!notes.is_empty()).then(|| notes.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_readable_whatever_they_hold() {
        assert_eq!(readable(b"a\xff\x00b\n"), "a\\xff\\u{0}b\\n");
        assert_eq!(readable("ä<b>".as_bytes()), "ä<b>");
        let long = readable(&[b'x'; 500]);
        assert_eq!((long.len(), long.ends_with("x…")), (BYTES + 3, true));
    }
}

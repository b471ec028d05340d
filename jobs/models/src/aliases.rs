//! `aliases.json` of a model: names that stand for one of its batches, and the batches whose models were pruned or judged.
//!
//! Invariant: an alias never stands for a model that is not there. Aliases and pruned batches are in one file, which is
//! replaced only by a writer that knows its content. So the second writer sees what the first one did:
//!
//! 1. Pruning writes the batches into `pruned` first, without those that an alias stands for, and deletes folders second.
//! 2. Setting an alias sees that the model is complete, then reads `aliases.json`, refuses a pruned batch, and writes.
//!
//! A batch stays pruned for ever. So a batch that is not pruned when the file is read was not pruned when its model was seen.
//!
//! Three things are outside of this. Somebody may remove a folder by hand. Somebody may remove the file by hand while models
//! are pruned. And while a model is replaced in a bucket, or on a disk that cannot exchange two folders, the model counts as
//! absent.
//!
//! A file that was removed by hand counts as empty: its aliases are gone, and nothing counts as pruned or judged. A writer that
//! had read the file before reads again, and begins with an empty one.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gugus_files::{StoreError, Swapped};
use gugus_spec::{AliasName, BatchNumber, ModelName};
use serde::{Deserialize, Serialize};

use crate::{Extent, ModelError, ModelStore, json::file_content};

/// The version of `aliases.json` that this crate writes, and the newest that it reads.
pub const ALIASES_VERSION: u32 = 1;

/// How often a change is tried. Each failed try means that somebody else's change succeeded.
const TRIES: usize = 100;

/// The most ranges of judged batches. Gaps are batches without a model, or models that a run left unjudged when it was ended.
/// Older gaps are closed: the alias has moved past them, or will judge newer models first.
const MOST_RANGES: usize = 1_000;

/// The content of `aliases.json`. Readers ignore keys that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aliases {
    /// [`ALIASES_VERSION`]
    pub version: u32,
    /// What each alias stands for.
    #[serde(default)]
    pub aliases: BTreeMap<AliasName, Aliased>,
    /// The batches whose models were pruned, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pruned: Vec<BatchRange>,
    /// The batches whose models were judged for an alias, ascending. Models that were there before anybody judged for the
    /// alias count as judged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judged: BTreeMap<AliasName, Vec<BatchRange>>,
}

/// What an alias stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aliased {
    /// The batch.
    pub batch: BatchNumber,
    /// Since when, RFC 3339, UTC.
    pub since: String,
}

/// Batches in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRange {
    /// The first batch.
    pub first: BatchNumber,
    /// The last batch.
    pub last: BatchNumber,
}

/// Which batches an alias may move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Any batch.
    Any,
    /// Only a newer batch than the one that it stands for. Then all older models count as judged for the alias.
    Forward,
}

/// What became of an alias that was to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasMove {
    /// It stands for the batch now, and stood for this one before.
    Moved(Option<BatchNumber>),
    /// It stood for the batch already.
    There,
    /// It stays: it stands for this batch, which is newer.
    Ahead(BatchNumber),
}

impl Default for Aliases {
    fn default() -> Self {
        Self {
            version: ALIASES_VERSION,
            aliases: BTreeMap::new(),
            pruned: Vec::new(),
            judged: BTreeMap::new(),
        }
    }
}

impl Aliases {
    /// The batch that a name stands for; `None` for a name that is no alias.
    pub fn batch(&self, name: &str) -> Option<BatchNumber> {
        let name: AliasName = name.parse().ok()?;
        self.aliases.get(&name).map(|aliased| aliased.batch)
    }

    /// Whether the batch's model was pruned.
    pub fn is_pruned(&self, batch: BatchNumber) -> bool {
        holds(&self.pruned, batch)
    }

    /// Whether the batch's model needs no judging for an alias: it was judged, or the alias stands for this batch or a newer
    /// one.
    pub fn is_judged(&self, alias: &AliasName, batch: BatchNumber) -> bool {
        let at = self.aliases.get(alias).map(|aliased| aliased.batch);
        let judged = self.judged.get(alias);
        at.is_some_and(|at| batch <= at) || judged.is_some_and(|judged| holds(judged, batch))
    }

    /// Counts these batches as judged for an alias, and all up to the one that it stands for.
    fn judge(&mut self, alias: &AliasName, batches: &[BatchRange]) {
        let at = self.aliases.get(alias).map(|aliased| aliased.batch);
        let older = at.map(BatchRange::up_to);
        let known = self.judged.entry(alias.clone()).or_default();
        let mut all: Vec<BatchRange> = known.drain(..).chain(older).collect();
        all.extend_from_slice(batches);
        all.sort_unstable_by_key(|range| range.first);
        for range in all {
            match known.last_mut() {
                Some(last) if range.first <= last.last.next() => {
                    last.last = last.last.max(range.last);
                }
                _ => known.push(range),
            }
        }
        let surplus = known.len().saturating_sub(MOST_RANGES);
        if let Some(gap) = known.get(surplus).filter(|_| surplus > 0) {
            let older = BatchRange::up_to(gap.last);
            drop(known.splice(..=surplus, [older]));
        }
    }

    /// Counts every batch up to `last` as pruned, but those that stay.
    pub(crate) fn prune_up_to(&mut self, last: BatchNumber, stay: &BTreeSet<BatchNumber>) {
        let mut ranges: Vec<BatchRange> = Vec::new();
        let mut add = |first: u64, last: u64| {
            let range = BatchNumber::new(first).zip(BatchNumber::new(last));
            ranges.extend(
                range
                    .filter(|(first, last)| first <= last)
                    .map(|(first, last)| BatchRange { first, last }),
            );
        };
        let mut first = 1;
        for batch in stay.range(..=last) {
            add(first, batch.get() - 1);
            first = batch.get() + 1;
        }
        add(first, last.get());
        for later in self.pruned.iter().filter(|range| range.last > last) {
            add(later.first.get().max(last.get() + 1), later.last.get());
        }
        self.pruned = ranges;
    }

    fn point(&mut self, alias: &AliasName, batch: BatchNumber, direction: Direction) -> AliasMove {
        let before = self.aliases.get(alias).map(|aliased| aliased.batch);
        match before {
            Some(at) if at == batch => return AliasMove::There,
            Some(at) if at > batch && direction == Direction::Forward => {
                return AliasMove::Ahead(at);
            }
            _ => {}
        }
        let since = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let aliased = Aliased { batch, since };
        self.aliases.insert(alias.clone(), aliased);
        if direction == Direction::Forward {
            self.judge(alias, &[]);
        }
        AliasMove::Moved(before)
    }
}

impl BatchRange {
    /// This batch, and all before it.
    pub fn up_to(last: BatchNumber) -> Self {
        let first = BatchNumber::FIRST;
        Self { first, last }
    }
}

impl From<BatchNumber> for BatchRange {
    fn from(batch: BatchNumber) -> Self {
        let (first, last) = (batch, batch);
        Self { first, last }
    }
}

/// Whether a batch is in one of these ranges, which are ascending.
fn holds(ranges: &[BatchRange], batch: BatchNumber) -> bool {
    let after = ranges.partition_point(|range| range.first <= batch);
    let range = after.checked_sub(1).and_then(|at| ranges.get(at));
    range.is_some_and(|range| batch <= range.last)
}

impl ModelStore {
    /// The aliases of a model; none where there is no such model.
    ///
    /// # Errors
    /// [`ModelError::Format`] for a file of a newer version or one that is no such file, and those of reading.
    pub async fn aliases(&self, model: &ModelName) -> Result<Aliases, ModelError> {
        let (_, aliases) = self.aliases_file(model).await?;
        Ok(aliases)
    }

    /// A text that changes whenever the aliases of a model are written; none where the model has no such file.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn aliases_stamp(&self, model: &ModelName) -> Result<Option<String>, ModelError> {
        let head = self.store.head(&file(model)).await?;
        Ok(head.map(|head| head.stamp))
    }

    /// Lets an alias stand for the model of a batch.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] and [`ModelError::Torn`] where that model is not complete, [`ModelError::Pruned`] where it
    /// was pruned, and those of reading and writing.
    pub async fn set_alias(
        &self,
        model: &ModelName,
        alias: &AliasName,
        batch: BatchNumber,
        direction: Direction,
    ) -> Result<AliasMove, ModelError> {
        let read = self.read(model.as_str(), Extent::Batch(batch)).await;
        let mut missing = read.err();
        self.change_aliases(model, |aliases| {
            if aliases.is_pruned(batch) {
                let model = model.clone();
                return Err(ModelError::Pruned { model, batch });
            }
            match missing.take() {
                Some(missing) => Err(missing),
                None => Ok(aliases.point(alias, batch, direction)),
            }
        })
        .await
    }

    /// Removes an alias. Gives what it stood for, or `None` where there was no such alias.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub async fn remove_alias(
        &self,
        model: &ModelName,
        alias: &AliasName,
    ) -> Result<Option<Aliased>, ModelError> {
        self.change_aliases(model, |aliases| Ok(aliases.aliases.remove(alias)))
            .await
    }

    /// Remembers that the models of these batches were judged for an alias, whether or not one of them took it. With no
    /// batches, it remembers that models are judged for the alias from now on.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub async fn note_judged(
        &self,
        model: &ModelName,
        alias: &AliasName,
        batches: &[BatchRange],
    ) -> Result<(), ModelError> {
        self.change_aliases(model, |aliases| {
            aliases.judge(alias, batches);
            Ok(())
        })
        .await
    }

    /// Changes what the file holds, and writes it unless somebody else did in the meantime. Then it tries again.
    pub(crate) async fn change_aliases<T>(
        &self,
        model: &ModelName,
        mut change: impl FnMut(&mut Aliases) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let file = file(model);
        let mut failed = false;
        for _ in 0..TRIES {
            let (old, before) = self.aliases_file(model).await?;
            let mut after = before.clone();
            let changed = change(&mut after)?;
            if after == before {
                return Ok(changed);
            }
            let new = file_content(&after).map_err(|e| StoreError::Failed {
                action: "writing",
                path: self.store.display(&file),
                source: e.into(),
            })?;
            match self.store.swap(&file, old, new).await {
                Ok(Swapped::Done) => return Ok(changed),
                Ok(Swapped::Changed) => {}
                // The file may be written nevertheless, which the next try finds out.
                Err(e) if e.may_pass() && !failed => failed = true,
                Err(e) => return Err(e.into()),
            }
        }
        let file = self.store.display(&file);
        Err(ModelError::Contended { file })
    }

    /// The file as it is, and what it says.
    async fn aliases_file(
        &self,
        model: &ModelName,
    ) -> Result<(Option<Bytes>, Aliases), ModelError> {
        let file = file(model);
        let bytes = match self.store.get(&file).await {
            Err(StoreError::NotFound { .. }) => return Ok((None, Aliases::default())),
            bytes => bytes?,
        };
        let wrong = |reason| ModelError::Format {
            file: self.store.display(&file),
            reason,
        };
        let not_ours =
            |e: serde_json::Error| wrong(format!("it is not what gugus writes: {e}; remove it"));
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(not_ours)?;
        let version = value["version"].as_u64().unwrap_or_default();
        if version > u64::from(ALIASES_VERSION) {
            return Err(wrong(format!(
                "its version {version} is newer than this gugus reads; upgrade gugus"
            )));
        }
        let aliases = serde_json::from_value(value).map_err(not_ours)?;
        Ok((Some(bytes), aliases))
    }
}

/// Where the aliases of a model are, relative to the store.
pub(crate) fn file(model: &ModelName) -> String {
    format!("{model}/aliases.json")
}

//! What a run will do, found out before it does anything.

use std::collections::BTreeMap;

use gugus_batches::{BatchFile, BatchLog, Footer};
use gugus_features::{AllFile, Expressions, FeaturePlan, FitSettings, WaveFile};
use gugus_files::Store;
use gugus_models::{Existing, Extent, ModelStore, WindowKey};
use gugus_spec::{Algorithm, Job, Model, ModelName, Scope, Window};
use gugus_spec::{BatchNumber, CommitId, OffsetRange};
use indicatif::ProgressBar;

use crate::all::commit_number;
use crate::chain::Chain;
use crate::error::Error;
use crate::existing;
use crate::report::{ModelReport, Outcome, Report};

/// How many footers are read before the whole of them is thrown away: a footer holds every column's name, and a folder
/// may have a million of them.
const FOOTERS_AT_ONCE: usize = 1_000;

/// What to train.
#[derive(Clone, Debug)]
pub struct Config {
    /// The job file.
    pub job: Job,
    /// Where its batches are.
    pub batches: Store,
    /// Where its models go.
    pub models: Store,
    /// Only these models; all of the job file's when empty.
    pub only: Vec<ModelName>,
    /// What becomes of models that are there.
    pub existing: Existing,
    /// Counts models as they are written.
    pub progress: ProgressBar,
    /// The run's name, which the names of its Ballista jobs hold; made up when absent.
    pub run: Option<String>,
}

/// What a batch's footer says that a model records.
#[derive(Clone, Debug)]
pub(crate) struct BatchFacts {
    pub(crate) file: WaveFile,
    pub(crate) commit_id: CommitId,
    pub(crate) ranges: Vec<OffsetRange>,
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
}

/// What a model of the job file still wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// A model for each of these batches.
    Batches(Vec<BatchNumber>),
    /// A model for each batch that goes on from the one before.
    Chain(Chain),
    /// One model over all of these batches; nothing when there are none.
    Everything(Vec<BatchNumber>),
    /// A model for each window of the rows of these batches; nothing when there are none. Which windows there are is known
    /// only of those without a key: the others' show in the rows.
    Windows(Window, Vec<BatchNumber>),
}

impl Pending {
    /// Nothing yet.
    fn of(model: &Model) -> Self {
        match &model.scope {
            Scope::Batch if matches!(model.algorithm, Algorithm::MiniBatch(_)) => {
                Self::Chain(Chain::default())
            }
            Scope::Batch => Self::Batches(Vec::new()),
            Scope::All => Self::Everything(Vec::new()),
            Scope::Window(window) => Self::Windows(window.clone(), Vec::new()),
        }
    }

    /// How many models that is, as far as that is known: at least one, where there is something to do.
    fn models(&self) -> u64 {
        match self {
            Self::Batches(batches) => batches.len() as u64,
            Self::Chain(chain) => chain.wanted.len() as u64,
            Self::Everything(batches) | Self::Windows(_, batches) => u64::from(!batches.is_empty()),
        }
    }
}

impl BatchFacts {
    /// What is kept of a batch file and its footer.
    pub(crate) fn new(file: &BatchFile, footer: Footer) -> Self {
        Self {
            file: WaveFile {
                batch: file.number.get(),
                path: file.path.to_string(),
                size: file.size,
            },
            rejected: footer.rejected_rows(),
            rows: footer.rows,
            commit_id: footer.commit_id,
            ranges: footer.ranges,
        }
    }

    /// As a pass over everything reads it.
    pub(crate) fn all_file(&self) -> AllFile {
        AllFile {
            file: self.file.clone(),
            commit: commit_number(&self.commit_id),
        }
    }
}

/// One model of the job file, compiled, and what it still wants.
#[derive(Debug)]
pub(crate) struct ModelWork {
    pub(crate) model: Model,
    pub(crate) plan: FeaturePlan,
    pub(crate) pending: Pending,
}

impl ModelWork {
    pub(crate) fn settings(&self) -> FitSettings {
        FitSettings {
            algorithm: self.model.algorithm.clone(),
            features: self.model.features.iter().map(|f| f.name.clone()).collect(),
            weighting: self.plan.weighting(),
            handle_invalid: self.model.handle_invalid,
        }
    }
}

/// A run that can begin.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) config: Config,
    pub(crate) batches: BTreeMap<BatchNumber, BatchFacts>,
    pub(crate) work: Vec<ModelWork>,
    pub(crate) report: Report,
}

/// Compiles expressions, reads footers, and compares models that are there with what would be trained.
///
/// # Errors
/// [`Error`] of kind [`crate::Kind::Usage`]: nothing was begun.
pub async fn prepare(config: Config) -> Result<Prepared, Error> {
    let mut work = compile(&config)?;
    let batches = freeze(&config.batches, config.job.name.as_str()).await?;
    let models = ModelStore::new(config.models.clone());
    let run = existing::Run {
        config: &config,
        models: &models,
        batches: &batches,
    };
    let report = existing::sort_out(run, &mut work).await?;
    Ok(Prepared {
        config,
        batches,
        work,
        report,
    })
}

/// Looks at a request without reading more than the newest batch's footer: whether its expressions can be compiled, and
/// whether there are batches of its job.
///
/// # Errors
/// Some of those of [`prepare`], which finds the rest.
pub async fn glance(config: &Config) -> Result<(), Error> {
    compile(config)?;
    let log = BatchLog::read(config.batches.clone())
        .await
        .map_err(Error::Batches)?;
    match log.head() {
        None => Err(no_batches(&config.batches)),
        Some(newest) => right_job(&config.batches, &newest.job, config.job.name.as_str()),
    }
}

impl Prepared {
    /// How many models will be trained.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.work.iter().map(|work| work.pending.models()).sum()
    }

    /// What [`Self::train`] would do, without doing it.
    #[must_use]
    pub fn dry_run(mut self) -> Report {
        for work in &self.work {
            let name = &work.model.name;
            let planned = |extent: Extent, rows: u64| ModelReport {
                status: Outcome::Planned,
                path: Some(ModelStore::folder(name, &extent)),
                ..empty(name, &extent, rows)
            };
            let rows = |number: &BatchNumber| self.batches.get(number).map_or(0, |b| b.rows);
            let all = |numbers: &[BatchNumber]| numbers.iter().map(rows).sum();
            match &work.pending {
                Pending::Everything(batches) | Pending::Windows(_, batches)
                    if batches.is_empty() => {}
                Pending::Everything(batches) => {
                    self.report.push(planned(Extent::All, all(batches)));
                }
                Pending::Windows(window, batches) => {
                    let line = match only_window(window) {
                        Some(key) => planned(Extent::Window(key), all(batches)),
                        None => ModelReport {
                            reason: Some("its windows show when it is trained".to_owned()),
                            path: None,
                            ..planned(Extent::All, all(batches))
                        },
                    };
                    self.report.push(line);
                }
                Pending::Batches(batches) => {
                    for number in batches {
                        let extent = Extent::Batch(*number);
                        self.report.push(planned(extent, rows(number)));
                    }
                }
                Pending::Chain(chain) => {
                    for number in &chain.wanted {
                        let extent = Extent::Batch(*number);
                        self.report.push(planned(extent, rows(number)));
                    }
                }
            }
        }
        self.finish()
    }

    /// The report of a run with nothing pending, which needs no cluster.
    #[must_use]
    pub fn nothing_to_do(self) -> Report {
        self.finish()
    }

    /// The report, in the order of the job file, of batch numbers and of windows' keys.
    pub(crate) fn finish(self) -> Report {
        let mut report = self.report;
        let position: BTreeMap<&str, usize> = self
            .work
            .iter()
            .enumerate()
            .map(|(index, work)| (work.model.name.as_str(), index))
            .collect();
        report.models.sort_by(|a, b| {
            let place = |m: &ModelReport| (position.get(m.model.as_str()).copied(), m.batch);
            place(a)
                .cmp(&place(b))
                .then_with(|| a.window.cmp(&b.window))
        });
        report
    }
}

/// The key of the one window there is, where rows have none of their own.
pub(crate) fn only_window(window: &Window) -> Option<WindowKey> {
    window.key().and_then(|key| key.parse().ok())
}

/// A line of the report with nothing in it yet.
pub(crate) fn empty(model: &ModelName, extent: &Extent, rows: u64) -> ModelReport {
    ModelReport {
        model: model.as_str().to_owned(),
        batch: extent.batch().map(BatchNumber::get),
        window: extent.window().map(|key| key.as_str().to_owned()),
        status: Outcome::Skipped,
        reason: None,
        rows,
        iterations: None,
        training_cost: None,
        sizes: Vec::new(),
        path: None,
    }
}

/// Compiles every expression of a job file, as training would.
///
/// # Errors
/// [`Error::Expression`] for the first that cannot be used.
pub fn check(job: &Job) -> Result<(), Error> {
    job.models
        .iter()
        .try_for_each(|model| compile_model(job, model).map(drop))
}

fn compile(config: &Config) -> Result<Vec<ModelWork>, Error> {
    let job = &config.job;
    if job.models.is_empty() {
        return Err(Error::NoModels {
            job: job.name.to_string(),
        });
    }
    if let Some(model) = config
        .only
        .iter()
        .find(|name| job.models.iter().all(|m| m.name != **name))
    {
        let known: Vec<&str> = job.models.iter().map(|m| m.name.as_str()).collect();
        return Err(Error::NoSuchModel {
            job: job.name.to_string(),
            model: model.clone(),
            known: known.join(", "),
        });
    }
    job.models
        .iter()
        .filter(|model| config.only.is_empty() || config.only.contains(&model.name))
        .map(|model| {
            if model.scope != Scope::Batch && model.algorithm.kmeans().is_none() {
                return Err(over_batches(model));
            }
            Ok(ModelWork {
                model: model.clone(),
                plan: compile_model(job, model)?,
                pending: Pending::of(model),
            })
        })
        .collect()
}

/// linfa's fits take the rows of one batch: the job file's parser refuses the rest, and so do we.
pub(crate) fn over_batches(model: &Model) -> Error {
    Error::Algorithm {
        model: model.name.clone(),
        algorithm: model.algorithm.name(),
    }
}

fn compile_model(job: &Job, model: &Model) -> Result<FeaturePlan, Error> {
    FeaturePlan::new(
        &job.source.columns,
        job.source.other_columns,
        &Expressions::from(model),
    )
    .map_err(|source| Error::Expression {
        model: model.name.clone(),
        source,
    })
}

/// The list of batches as it is now. Batches that are committed later belong to the next run.
pub(crate) async fn freeze(
    store: &Store,
    job: &str,
) -> Result<BTreeMap<BatchNumber, BatchFacts>, Error> {
    let log = BatchLog::read(store.clone())
        .await
        .map_err(Error::Batches)?;
    let files = log.batches().await.map_err(Error::Batches)?;
    if files.is_empty() {
        return Err(no_batches(store));
    }
    let mut batches = BTreeMap::new();
    for files in files.chunks(FOOTERS_AT_ONCE) {
        let numbers: Vec<BatchNumber> = files.iter().map(|file| file.number).collect();
        let footers: Vec<Footer> = log.footers(&numbers).await.map_err(Error::Batches)?;
        for (file, footer) in files.iter().zip(footers) {
            right_job(store, &footer.job, job)?;
            batches.insert(file.number, BatchFacts::new(file, footer));
        }
    }
    Ok(batches)
}

fn no_batches(store: &Store) -> Error {
    Error::NoBatches {
        place: store.to_string(),
    }
}

fn right_job(store: &Store, found: &str, job: &str) -> Result<(), Error> {
    if found == job {
        return Ok(());
    }
    Err(Error::OtherJob {
        place: store.to_string(),
        found: found.to_owned(),
        job: job.to_owned(),
    })
}

//! What a run will do, found out before it does anything, and the run itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gugus_files::Store;
use gugus_models::{Existing, ModelStore};
use gugus_progress::{ModelReport, Progress};
use gugus_spec::{Job, ModelName};
use gugus_submit::{Jobs, Submit, SubmitError};
use tokio_util::sync::CancellationToken;

use crate::batches::Batches;
use crate::candidates::{Candidates, begin_judging};
use crate::compare::refuse;
use crate::error::Error;
use crate::failures::Failures;
use crate::kind::TrainingKind;
use crate::kinds::kinds;
use crate::observer::Observer;
use crate::promote::{Promoted, promote};
use crate::report::Report;
use crate::run::Run;
use crate::work::{ModelWork, Undeclared};

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
    pub progress: Progress,
    /// Is told of each model and pass; `Arc::new(())` is nobody.
    pub observer: Arc<dyn Observer>,
    /// The run's name, which the names of its Ballista jobs hold; made up when absent.
    pub run: Option<String>,
}

/// A run that can begin.
#[derive(Debug)]
pub struct Prepared {
    run: Run,
    kinds: Vec<Box<dyn TrainingKind>>,
    /// The models in the order of the job file.
    order: Vec<ModelName>,
    /// Those that may take an alias.
    promoted: Vec<Promoted>,
    /// Begins the names of Ballista jobs.
    label: String,
    report: Report,
}

/// Compiles expressions, reads footers, and compares models that are there with what would be trained.
///
/// # Errors
/// [`Error`] of kind [`gugus_error::Kind::Usage`]: nothing was begun.
pub async fn prepare(config: Config) -> Result<Prepared, Error> {
    let mut kinds = kinds();
    let compiled = compile(&config, &kinds)?;
    let label = label(&config);
    let batches = Batches::freeze(&config.batches, config.job.name.as_str()).await?;
    let run = begin(&config, &compiled, batches).await?;
    let (mut order, mut report, mut differing) = (Vec::new(), Report::default(), Vec::new());
    let works = compiled.iter().map(|(work, _)| work);
    let promoted = works.filter(|work| work.promotion.is_some());
    let promoted = promoted.map(|work| (work.clone(), Candidates::find(&run, work)));
    let promoted = promoted.collect();
    for (work, kind) in compiled {
        order.push(work.model.name.clone());
        differing.extend(kinds[kind].find(&run, work, &mut report).await?);
    }
    refuse(&differing)?;
    tell(&run, &report.models);
    Ok(Prepared {
        run,
        kinds,
        order,
        promoted,
        label,
        report,
    })
}

/// Reads which models are there, and sees that these models can be trained on the batches.
pub(crate) async fn begin(
    config: &Config,
    compiled: &[(ModelWork, usize)],
    batches: Batches,
) -> Result<Run, Error> {
    let job = &config.job;
    if let Some(columns) = batches.columns() {
        let works = compiled.iter().map(|(work, _)| work);
        let mut undeclared = works.flat_map(|work| Undeclared::of(job, work, columns));
        if let Some(undeclared) = undeclared.next() {
            return Err(undeclared.refused());
        }
    }
    let models = ModelStore::new(config.models.clone());
    let listed = models.list().await.map_err(Error::Models)?.into_iter();
    let mut aliases = BTreeMap::new();
    for (work, _) in compiled {
        let of = models.aliases(&work.model.name).await;
        aliases.insert(work.model.name.clone(), of.map_err(Error::Models)?);
    }
    Ok(Run {
        job: job.name.clone(),
        null_values: job.source.null_values.clone(),
        batches,
        listed: listed.map(|of| (of.model, of.batches)).collect(),
        aliases,
        models,
        existing: config.existing,
        failures: Failures::default(),
        progress: config.progress.clone(),
        observer: Arc::clone(&config.observer),
    })
}

/// Begins the names of Ballista jobs.
pub(crate) fn label(config: &Config) -> String {
    let run = config.run.clone().unwrap_or_else(made_up);
    format!("{} run {run}", config.job.name)
}

/// Checks a request without reading anything: whether the job file has the models, and their expressions can be compiled.
///
/// # Errors
/// Some of those of [`prepare`], which finds the rest.
pub fn check_job(config: &Config) -> Result<(), Error> {
    compile(config, &kinds()).map(drop)
}

/// Checks a request without reading more than the newest batch's footer: whether its expressions can be compiled, and
/// whether there are batches of its job.
///
/// # Errors
/// Some of those of [`prepare`], which finds the rest.
pub async fn check_request(config: &Config) -> Result<(), Error> {
    compile(config, &kinds())?;
    Batches::see(&config.batches, config.job.name.as_str()).await
}

impl Prepared {
    /// How many models will be trained.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.pending()).sum()
    }

    /// Whether there is nothing to train and no model to judge, so that no cluster is needed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending() == 0 && self.promoted.iter().all(|(_, of)| of.is_empty())
    }

    /// What [`Self::train`] would do, without doing it.
    #[must_use]
    pub fn dry_run(mut self) -> Report {
        let planned = self.kinds.iter().flat_map(|kind| kind.planned(&self.run));
        self.report.extend(planned);
        self.nothing_to_do()
    }

    /// The report of a run that [is idle](Self::is_idle).
    #[must_use]
    pub fn nothing_to_do(mut self) -> Report {
        self.report.sort(&self.order);
        self.report
    }

    /// Trains what is pending on this cluster.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after `stop`, with what was done; [`Error::Cluster`] when the cluster fails as a whole;
    /// [`Error::Write`] when a model cannot be written. What was written until then stays.
    pub async fn train(
        mut self,
        cluster: &dyn Submit,
        stop: CancellationToken,
    ) -> Result<Report, Error> {
        let began = Instant::now();
        let mut result = Ok(());
        if !self.is_idle() {
            let jobs = Jobs::on(cluster, self.label.as_str(), stop).await;
            self.run.progress.set_total(self.pending());
            result = self.train_kinds(&jobs).await;
            jobs.settle().await;
        }
        self.report.seconds = began.elapsed().as_secs_f64();
        match result {
            Ok(()) => Ok(self.nothing_to_do()),
            Err(Error::Cluster(SubmitError::Cancelled)) => Err(Error::Interrupted {
                report: Box::new(self.nothing_to_do()),
            }),
            Err(error) => Err(error),
        }
    }

    async fn train_kinds(&mut self, jobs: &Jobs<'_>) -> Result<(), Error> {
        for (work, _) in &self.promoted {
            begin_judging(&self.run, work).await?;
        }
        let (kinds, promoted) = (&mut self.kinds, &mut self.promoted);
        train_kinds(kinds, promoted, &self.run, jobs, &mut self.report).await
    }
}

/// Trains what these kinds were told, and judges new models of those that may take an alias. Tells the observer.
pub(crate) async fn train_kinds(
    kinds: &mut [Box<dyn TrainingKind>],
    promoted: &mut [Promoted],
    run: &Run,
    jobs: &Jobs<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let trained = train_each(kinds, run, jobs, report).await;
    // Also what was written before an error waits to be judged.
    for (work, candidates) in promoted.iter_mut() {
        candidates.extend(run, work, &report.models);
    }
    trained?;
    for of in promoted {
        promote(run, jobs, of, report).await?;
    }
    Ok(())
}

async fn train_each(
    kinds: &mut [Box<dyn TrainingKind>],
    run: &Run,
    jobs: &Jobs<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let mut differing = Vec::new();
    let told = report.models.len();
    for kind in kinds.iter_mut() {
        differing.extend(kind.find_in_rows(run, jobs, report).await?);
    }
    refuse(&differing)?;
    tell(run, report.models.get(told..).unwrap_or_default());
    // Now that every window is known.
    for kind in kinds.iter() {
        tell(run, &kind.planned(run));
    }
    for kind in kinds {
        kind.train(run, jobs, report).await?;
    }
    Ok(())
}

/// Tells the observer of models that nothing was done for until now.
pub(crate) fn tell(run: &Run, lines: &[ModelReport]) {
    lines.iter().for_each(|line| run.observer.model(line));
}

/// The models that are asked for, compiled, each with the place of its kind in the list.
pub(crate) fn compile(
    config: &Config,
    kinds: &[Box<dyn TrainingKind>],
) -> Result<Vec<(ModelWork, usize)>, Error> {
    let (job, only) = (&config.job, &config.only);
    if job.models.is_empty() {
        return Err(Error::NoModels {
            job: job.name.to_string(),
        });
    }
    let mut absent = only
        .iter()
        .filter(|name| job.models.iter().all(|m| m.name != **name));
    if let Some(model) = absent.next() {
        let known: Vec<&str> = job.models.iter().map(|m| m.name.as_str()).collect();
        return Err(Error::NoSuchModel {
            job: job.name.to_string(),
            model: model.clone(),
            known: known.join(", "),
        });
    }
    let asked = job.models.iter();
    let asked = asked.filter(|model| only.is_empty() || only.contains(&model.name));
    asked
        .map(|model| {
            let kind = kinds.iter().rposition(|kind| kind.takes(model));
            let kind = kind.ok_or_else(|| Error::algorithm(model))?;
            Ok((ModelWork::of_job(job, model)?, kind))
        })
        .collect()
}

fn made_up() -> String {
    let mut name = uuid::Uuid::new_v4().simple().to_string();
    name.truncate(8);
    name
}

//! Waits for batches, for trainings that end, and for times, and begins what is due.

#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use gugus_batches::MOST_ARRIVALS;
use gugus_error::Kind;
use gugus_files::Watch;
use gugus_progress::Lag;
use gugus_spec::BatchNumber;
use gugus_submit::{Jobs, Submit, SubmitError};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::behind::Behind;
use super::done::Done;
use super::lane::{Lane, Trained, is_elsewhere};
use super::torn::Torn;
use super::trouble::Trouble;
use crate::error::{Error, Result};
use crate::kind::Needs;
use crate::prepare::tell;
use crate::report::Report;
use crate::run::Run;

/// How often the lag is told while there is one: its seconds grow.
const LAG_TOLD: Duration = Duration::from_secs(1);

/// How long the number of the cluster's slots is believed: executors come and go.
const SLOTS_KNOWN: Duration = Duration::from_secs(30);

/// The longest time between two looks.
const LATEST: Duration = Duration::from_secs(3_600);

/// Why a run does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was told to stop.
    Stopped,
    /// Others changed what is there.
    LookAgain,
}

/// A run that knows what is there.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    /// With the batches that are known.
    run: Run,
    lanes: Vec<Lane>,
    behind: Behind,
    told: Option<Lag>,
    /// Whether what was there at first was begun.
    begun: bool,
    /// Trainings under way of what was there at first.
    first_under_way: usize,
    under_way: FuturesUnordered<LocalBoxFuture<'a, Trained>>,
    cluster: Cluster<'a>,
    /// The store of the batches.
    store: Trouble,
    /// The next batch, if its file is not whole.
    torn: Torn,
}

/// The cluster, as it is known.
#[derive(Debug)]
pub(super) struct Cluster<'a> {
    submit: &'a dyn Submit,
    label: String,
    /// Ends its jobs.
    halt: CancellationToken,
    /// Since when the number of its slots is known.
    jobs: Option<(Instant, Jobs<'a>)>,
    trouble: Trouble,
}

impl<'a> Cluster<'a> {
    pub(super) fn new(
        submit: &'a dyn Submit,
        label: String,
        stop: &CancellationToken,
        pause: Duration,
    ) -> Self {
        Self {
            submit,
            label,
            halt: stop.child_token(),
            jobs: None,
            trouble: Trouble::new("the cluster or the store of models", pause),
        }
    }

    async fn jobs(&mut self) -> Jobs<'a> {
        if let Some((asked, jobs)) = &self.jobs
            && asked.elapsed() < SLOTS_KNOWN
        {
            return jobs.clone();
        }
        let jobs = Jobs::on(self.submit, self.label.as_str(), self.halt.clone()).await;
        self.jobs = Some((Instant::now(), jobs.clone()));
        jobs
    }
}

impl<'a> Standing<'a> {
    pub(super) fn new(run: Run, lanes: Vec<Lane>, cluster: Cluster<'a>, pause: Duration) -> Self {
        let mut behind = Behind::default();
        for lane in &lanes {
            behind.add(lane.taken());
        }
        Self {
            run,
            lanes,
            behind,
            told: None,
            begun: false,
            first_under_way: 0,
            under_way: FuturesUnordered::new(),
            cluster,
            store: Trouble::new("the folder of batches", pause),
            torn: Torn::none(pause),
        }
    }

    /// Trains until it is told to stop, or until others changed what is there.
    pub(super) async fn go_on(
        mut self,
        done: &mut Done,
        watch: &mut Watch,
        stop: &CancellationToken,
    ) -> Result<Ended> {
        let ended = loop {
            match self.step(done, watch, stop).await {
                Ok(None) => {}
                Ok(Some(ended)) => break Ok(ended),
                // What was asked for may be there later.
                Err(error) if error.kind() == Kind::Failed => self.store.happened(&error),
                Err(error) => break Err(error),
            }
        };
        // Stopped and not dropped, so that each can see to its own Ballista job.
        self.cluster.halt.cancel();
        while let Some(trained) = self.under_way.next().await {
            done.total.count(&trained.report);
        }
        self.cluster.submit.settle().await;
        ended
    }

    /// Whether each model has seen what was there at first.
    fn is_caught_up(&self) -> bool {
        let is_left = self.lanes.iter().any(Lane::is_behind_first);
        self.begun && self.first_under_way == 0 && !is_left
    }

    /// Begins what is due, and waits for what comes next.
    async fn step(
        &mut self,
        done: &mut Done,
        watch: &mut Watch,
        stop: &CancellationToken,
    ) -> Result<Option<Ended>> {
        let paused = self.store.paused().max(self.cluster.trouble.paused());
        if paused.is_none() {
            self.begin(&mut done.total).await?;
        }
        if self.is_caught_up() {
            done.catch_up();
        }
        self.tell_lag();
        let (wake, answers) = (self.wake(), self.store.paused().is_none());
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Some(Ended::Stopped)),
            Some(trained) = self.under_way.next() => return self.ended(trained, &mut done.total),
            () = watch.changed(), if answers => {}
            () = sleep_until(wake) => {
                // A store that failed is looked at after its pause.
                if !self.store.is_there() {
                    return Ok(None);
                }
            }
        }
        let job = self.run.job.clone();
        loop {
            let came = match self.run.batches.extend(job.as_str()).await {
                Err(Error::Batches(torn)) if torn.is_torn() => {
                    self.store.over();
                    let stamp = self.run.batches.stamp_of_next().await?;
                    if self.torn.see(stamp) {
                        let reason = gugus_error::chain(&torn);
                        tracing::warn!(
                            reason,
                            "a batch is not whole and does not change any more; the run waits for it"
                        );
                    }
                    return Ok(None);
                }
                came => came?,
            };
            let Some(came) = came else {
                return Ok(Some(Ended::LookAgain));
            };
            self.store.over();
            // A file that was taken away again is over, too.
            if self.torn.over() && !came.is_empty() {
                tracing::info!("the batch is whole; the run goes on");
            }
            if done.see(&self.run, &self.lanes, &came).await {
                return Ok(Some(Ended::LookAgain));
            }
            self.add(&came);
            if came.len() < MOST_ARRIVALS {
                return Ok(None);
            }
        }
    }

    /// Begins all trainings that are due.
    async fn begin(&mut self, total: &mut Report) -> Result {
        let failed = self.cluster.trouble.is_there();
        if failed || self.lanes.iter().any(Lane::reads_old) {
            self.forget_pruned().await?;
        }
        let mut report = Report::default();
        for index in 0..self.lanes.len() {
            while let Some(mut place) = self.lanes[index].next(&self.run, &mut report) {
                place.first |= !self.begun;
                self.first_under_way += usize::from(place.first);
                let (work, run) = (self.lanes[index].work.clone(), place.run(&self.run));
                let jobs = self.cluster.jobs().await;
                let trained = async move { place.train(index, work, run, jobs).await };
                self.under_way.push(trained.boxed_local());
            }
        }
        tell(&self.run, &report.models);
        total.count(&report);
        if !self.begun {
            self.begun = true;
            // Hours may pass before a batch comes, and there may be a million old ones.
            self.forget();
        }
        Ok(())
    }

    /// Takes in a training that ended.
    fn ended(&mut self, trained: Trained, total: &mut Report) -> Result<Option<Ended>> {
        total.count(&trained.report);
        self.first_under_way -= usize::from(trained.place.first);
        let done = self.lanes[trained.lane].back(trained.place, trained.result.is_ok());
        self.behind.done(&done);
        match trained.result {
            Ok(()) => {
                self.cluster.trouble.over();
                self.forget();
            }
            Err(Error::Cluster(SubmitError::Cancelled)) if self.cluster.halt.is_cancelled() => {}
            Err(error) if is_elsewhere(&error) => return Ok(Some(Ended::LookAgain)),
            Err(error) if error.kind() == Kind::Failed => {
                self.cluster.trouble.happened(&error);
                self.cluster.jobs = None;
            }
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    /// Batches came.
    fn add(&mut self, came: &[BatchNumber]) {
        for lane in &mut self.lanes {
            let waiting = lane.add(&self.run, came);
            self.behind.add(&waiting);
        }
        self.forget();
    }

    /// Forgets what no model needs any more.
    fn forget(&mut self) {
        let needs = self.lanes.iter().map(|lane| lane.needs).max();
        let Some(Needs::Newest(newest)) = needs else {
            return;
        };
        let newest = usize::try_from(newest).unwrap_or(usize::MAX);
        let oldest = {
            let mut numbers = self.run.batches.iter().rev().map(|(number, _)| number);
            numbers.nth(newest.saturating_sub(1))
        };
        let oldest = oldest.map(|oldest| self.behind.oldest().unwrap_or(oldest).min(oldest));
        if let Some(oldest) = oldest {
            self.run.batches.forget(oldest);
        }
    }

    /// Forgets batches that were pruned.
    async fn forget_pruned(&mut self) -> Result {
        self.run.batches.forget_pruned().await?;
        let oldest = self.run.batches.iter().next().map(|(number, _)| number);
        if let Some(oldest) = oldest {
            for lane in &mut self.lanes {
                self.behind.done(&lane.forget(oldest));
            }
        }
        Ok(())
    }

    /// When to look at the next step, if nothing happens before.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let due = self.lanes.iter().filter_map(Lane::due_at);
        // Whatever is due waits for the end of a pause.
        let paused = self.store.paused().max(self.cluster.trouble.paused());
        let due = paused.or_else(|| due.min());
        let lag = self.behind.oldest().map(|_| now + LAG_TOLD);
        let next = due.into_iter().chain(lag).min();
        next.unwrap_or(now + LATEST)
    }

    /// Tells how far the run is behind, if that changed.
    fn tell_lag(&mut self) {
        let lag = self.behind.lag();
        if self.told != Some(lag) {
            self.told = Some(lag);
            self.run.progress.say(lag.to_string());
            self.run.observer.lag(lag);
        }
    }
}

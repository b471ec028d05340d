//! Whether the brokers answer. Invariant: a connection that was cut is noticed within [`SILENCE`] and one second more, also
//! while the main loop waits for an answer.
//!
//! A cut connection looks like a quiet topic: no error comes for a minute or longer, because TCP waits. But a broker that we
//! read from answers several times a second, with no records if there are none. So silence means that the connection is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::metrics::Metrics;

/// How long a broker may be silent. A broker answers a fetch within `fetch.wait.max.ms`, and other requests within the
/// interval of [`METADATA_REFRESH`].
const SILENCE: Duration = Duration::from_secs(3);

/// Makes librdkafka ask some broker for the topic this often. A spare member of a group asks for nothing else but heartbeats,
/// and may choose to send these seldom. How long an answer counts stays as long as it is by default.
pub(super) const METADATA_REFRESH: [(&str, &str); 2] = [
    ("topic.metadata.refresh.interval.ms", "1500"),
    ("metadata.max.age.ms", "900000"),
];

/// How old statistics may be that come every second.
const RECENT: Duration = Duration::from_secs(2);

/// How often [`watch`] looks.
const LOOK: Duration = Duration::from_millis(250);

/// Whether the brokers answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// The run is not ready yet.
    #[default]
    Opening,
    /// The brokers of all partitions of this process answer.
    Up,
    /// A broker does not answer. Records may wait in the topic, and nobody knows how many.
    Lost,
}

/// What the newest statistics tell.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// When they came.
    pub(super) came: Option<Instant>,
    /// Where each partition ends.
    pub(super) highs: BTreeMap<i32, i64>,
    /// How long the leader of each partition has been silent.
    pub(super) silence: BTreeMap<i32, Duration>,
    /// Partitions whose leader has never answered.
    pub(super) unheard: BTreeSet<i32>,
    /// How long all brokers have been silent.
    pub(super) all_silent: Duration,
}

impl News {
    /// How long the most silent of the brokers that these partitions need has been silent. `never` is how long a leader has been
    /// expected that has never answered.
    fn silence(&self, partitions: &BTreeSet<i32>, never: Option<Duration>) -> Duration {
        let silence = partitions
            .iter()
            .filter_map(|p| self.silence.get(p).copied());
        silence
            .chain(never)
            .max()
            .unwrap_or_default()
            .max(self.all_silent)
    }
}

/// The state of the connection. The main loop and [`watch`] share it.
#[derive(Debug)]
pub(super) struct Link {
    told: watch::Sender<Connection>,
    metrics: Option<Metrics>,
    brokers: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when the main loop waits for an answer.
    asking: Option<Instant>,
    /// When statistics came, and when the most silent broker of ours was heard by them.
    heard: Option<(Instant, Instant)>,
    /// Since when a broker has been silent, if the connection is lost.
    lost: Option<Instant>,
    /// Our partitions whose leader has never answered, and since when we know. The statistics do not tell that time.
    unheard: BTreeMap<i32, Instant>,
}

impl Link {
    pub(super) fn new(
        told: watch::Sender<Connection>,
        metrics: Option<Metrics>,
        brokers: &str,
    ) -> Self {
        Self {
            told,
            metrics,
            brokers: brokers.to_owned(),
            state: Mutex::default(),
        }
    }

    /// The brokers have answered, and the run is ready.
    pub(super) fn opened(&self) {
        self.set(Connection::Up);
    }

    /// Marks an answer as awaited until the result is dropped: by the main loop, or by the batch that is being written. Only one
    /// of them asks at a time, because the main loop settles the batch before it asks. While the main loop waits no statistics
    /// come, so the silence that they told goes on.
    pub(super) fn ask(&self) -> Asking<'_> {
        let mut state = self.state();
        let heard = state.heard.filter(|(told, _)| told.elapsed() < RECENT);
        state.asking = Some(heard.map_or_else(Instant::now, |(_, heard)| heard));
        Asking(self)
    }

    /// Whether a broker does not answer.
    pub(super) fn is_lost(&self) -> bool {
        *self.told.borrow() == Connection::Lost
    }

    /// Compares the newest statistics with the partitions of this process. Returns since when the connection is lost.
    pub(super) fn judge(
        &self,
        news: &News,
        partitions: impl Iterator<Item = i32>,
    ) -> Option<Instant> {
        let mut state = self.state();
        let ours: BTreeSet<i32> = partitions.collect();
        let now = Instant::now();
        let unheard = ours.intersection(&news.unheard);
        state.unheard = unheard
            .map(|id| (*id, state.unheard.get(id).copied().unwrap_or(now)))
            .collect();
        let never = state.unheard.values().min().map(|since| now - *since);
        let silence = news.silence(&ours, never);
        state.heard = news
            .came
            .and_then(|came| Some((came, came.checked_sub(silence)?)));
        match silence >= SILENCE {
            true => self.lose(&mut state, silence),
            false => self.find(&mut state),
        }
        state.lost
    }

    /// Looks whether the main loop has waited for an answer for too long, and lets the lag in seconds grow.
    fn look(&self) {
        let mut state = self.state();
        let waited = state.asking.map(|asking| asking.elapsed());
        if let Some(waited) = waited.filter(|waited| *waited >= SILENCE) {
            self.lose(&mut state, waited);
        }
        if let (Some(lost), Some(metrics)) = (state.lost, &self.metrics) {
            metrics.silent_since(lost);
        }
    }

    fn lose(&self, state: &mut State, silent: Duration) {
        if state.lost.is_some() || *self.told.borrow() == Connection::Opening {
            return;
        }
        let now = Instant::now();
        state.lost = Some(now.checked_sub(silent).unwrap_or(now));
        tracing::warn!(
            brokers = self.brokers,
            silent_s = silent.as_secs(),
            "kafka does not answer; how many records wait in the topic is not known until it answers again"
        );
        self.set(Connection::Lost);
    }

    fn find(&self, state: &mut State) {
        if let Some(lost) = state.lost.take() {
            let away_s = lost.elapsed().as_secs();
            tracing::warn!(
                brokers = self.brokers,
                away_s,
                "kafka answers again; no record was lost"
            );
            self.set(Connection::Up);
        }
    }

    fn set(&self, connection: Connection) {
        if let Some(metrics) = &self.metrics {
            metrics.connected(connection == Connection::Up);
        }
        self.told.send_replace(connection);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The main loop waits for an answer.
pub(super) struct Asking<'a>(&'a Link);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.state().asking = None;
    }
}

/// Looks after the link for as long as the future is polled.
pub(super) async fn watch(link: Arc<Link>) -> std::convert::Infallible {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        link.look();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(partitions: &[(i32, u64)], all: u64) -> News {
        let silence = partitions.iter();
        News {
            came: Some(Instant::now()),
            highs: BTreeMap::new(),
            unheard: BTreeSet::new(),
            silence: silence
                .map(|(id, seconds)| (*id, Duration::from_secs(*seconds)))
                .collect(),
            all_silent: Duration::from_secs(all),
        }
    }

    #[test]
    fn a_silent_leader_of_ours_or_silence_of_all_is_a_loss_and_an_answer_ends_it() {
        let told = watch::Sender::default();
        let link = Link::new(told.clone(), None, "broker:9092");
        let judge = |news: &News, ours: &[i32]| link.judge(news, ours.iter().copied()).is_some();
        let silent = news(&[(0, 1), (1, 9)], 1);
        assert!(!judge(&silent, &[1]), "not ready yet");
        link.opened();
        let cases = [
            (news(&[], 0), vec![], Connection::Up),
            (silent.clone(), vec![0], Connection::Up),
            (silent.clone(), vec![0, 1], Connection::Lost),
            (silent, vec![0], Connection::Up),
            (news(&[], 2), vec![], Connection::Up),
            (news(&[], 4), vec![], Connection::Lost),
            (news(&[(0, 0)], 0), vec![0, 7], Connection::Up),
        ];
        for (news, ours, expected) in cases {
            let is_lost = judge(&news, &ours);
            assert_eq!(is_lost, expected == Connection::Lost, "{news:?} {ours:?}");
            assert_eq!(*told.borrow(), expected);
        }
    }

    #[test]
    fn a_question_goes_on_with_the_silence_before_it() {
        let told = watch::Sender::default();
        let link = Link::new(told.clone(), None, "broker:9092");
        link.opened();
        let mut news = news(&[(0, 2)], 0);
        for (old, asked) in [(0, 2), (1, 3), (60, 0)] {
            news.came = Instant::now().checked_sub(Duration::from_secs(old));
            link.judge(&news, [0].into_iter());
            let _asking = link.ask();
            let asking = link.state().asking.unwrap().elapsed();
            assert_eq!(asking.as_secs(), asked, "statistics of {old} s ago");
        }
    }

    #[test]
    fn a_leader_that_never_answers_is_a_loss() {
        let told = watch::Sender::default();
        let link = Link::new(told.clone(), None, "broker:9092");
        link.opened();
        let judge = |unheard: &[i32]| {
            let unheard = unheard.iter().copied().collect();
            let news = News {
                unheard,
                ..news(&[(0, 0)], 0)
            };
            link.judge(&news, [0, 1].into_iter());
            *told.borrow()
        };
        assert_eq!(judge(&[1, 7]), Connection::Up, "it may just be called");
        for since in link.state().unheard.values_mut() {
            *since = since.checked_sub(SILENCE).unwrap();
        }
        assert_eq!(judge(&[7]), Connection::Up, "it has answered");
        assert_eq!(judge(&[1]), Connection::Up, "it is another one");
        for since in link.state().unheard.values_mut() {
            *since = since.checked_sub(SILENCE).unwrap();
        }
        assert_eq!(judge(&[1]), Connection::Lost);
        assert_eq!(judge(&[]), Connection::Up);
    }

    #[test]
    fn a_question_without_an_answer_is_a_loss() {
        let told = watch::Sender::default();
        let link = Link::new(told.clone(), None, "broker:9092");
        link.opened();
        let asking = link.ask();
        link.look();
        assert_eq!(*told.borrow(), Connection::Up);
        link.state().asking = Instant::now().checked_sub(SILENCE);
        link.look();
        assert_eq!(*told.borrow(), Connection::Lost);
        drop(asking);
        assert!(link.state().asking.is_none());
    }
}

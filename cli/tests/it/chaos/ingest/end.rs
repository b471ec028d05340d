//! The end of a run: everything is stopped, the rest is taken, and the files are judged.

use super::run::{PARTITIONS, Run};
use crate::kit::batch_files;
use crate::kit::judge::{self, Account};
use crate::kit::messages::Expected;
use crate::kit::sender::{Fate, Produced};

impl Run {
    /// Stops everything, takes what is left, and judges.
    pub(super) fn end(mut self) -> String {
        let sent = self.traffic.take().expect("traffic until the end").stop();
        self.look();
        for process in std::mem::take(&mut self.processes) {
            process.stop();
        }
        self.stop_inside();
        let killed = batch_files::age_leftovers(&self.batches);
        self.setup.until_end();
        let Account {
            batches,
            rows,
            rejects,
            ..
        } = judge::check(
            &self.batches,
            self.kafka.brokers(),
            &self.topic,
            PARTITIONS,
            &sent.messages,
        );
        let count = |so: &dyn Fn(&&Produced) -> bool| sent.messages.iter().filter(so).count();
        let aborted = count(&|message| message.fate == Fate::Aborted);
        let poison = count(&|message| message.message.expected == Expected::Reject);
        let [refused, lost, late] = self.liar.met();
        format!(
            "{} messages ({poison} poison, {} transactions, {aborted} aborted) are {rows} rows and {rejects} rejects in \
             {batches} batches, each once; {} races lost, {killed} files left half-written, {} members gave up, store: \
             {refused} refused, {lost} answers lost, {late} late",
            sent.messages.len(),
            sent.transactions,
            self.races(),
            self.gave_up,
        )
    }

    /// How often a process found that another had been faster, by their logs.
    fn races(&self) -> usize {
        let logs = batch_files::names(&self.setup.logs).into_iter();
        logs.filter_map(|name| std::fs::read_to_string(self.setup.logs.join(name)).ok())
            .map(|log| log.matches("another process").count())
            .sum()
    }
}

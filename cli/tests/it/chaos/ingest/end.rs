//! The end of a run: everything is stopped, the rest is taken, and the files are judged.

use std::time::{Duration, SystemTime};

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
        let killed = self.age_leftovers();
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

    /// Makes temporary files that killed processes left look old, for the next who opens the folder to remove them.
    fn age_leftovers(&self) -> usize {
        let mut leftovers = 0;
        for folder in [self.batches.clone(), self.batches.join("rejected")] {
            let temporary = |name: &String| name.starts_with('.') && name.ends_with(".tmp");
            for name in batch_files::names(&folder).into_iter().filter(temporary) {
                let file = std::fs::File::options()
                    .write(true)
                    .open(folder.join(name))
                    .unwrap();
                file.set_modified(SystemTime::now() - Duration::from_secs(2 * 3600))
                    .unwrap();
                leftovers += 1;
            }
        }
        leftovers
    }

    /// How often a process found that another had been faster, by their logs.
    fn races(&self) -> usize {
        let logs = batch_files::names(&self.setup.logs).into_iter();
        logs.filter_map(|name| std::fs::read_to_string(self.setup.logs.join(name)).ok())
            .map(|log| log.matches("another process").count())
            .sum()
    }
}

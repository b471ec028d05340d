//! The end of a run that is to end at the end. Invariant: it has come when every record that was there at the start is
//! in a batch, whoever wrote that.

use std::time::{Duration, Instant};

use super::Until;
use super::commit::Log;
use super::part::Part;
use super::session::Session;
use crate::Error;

/// How often a member that is done looks whether the others are.
const LOOK: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// With [`Until::End`]: whether everything that was there at the start is in batches, of ours or of others.
    pub(super) fn is_done(&mut self) -> Result<bool, Error> {
        if self.config.until == Until::Forever {
            return Ok(false);
        }
        let reached = |partition: &i32, part: &Part| {
            part.at_end
                || self
                    .targets
                    .get(partition)
                    .is_none_or(|target| part.next >= target.high)
        };
        if !self
            .parts
            .iter()
            .all(|(partition, part)| reached(partition, part))
        {
            return Ok(false);
        }
        if !self.others_have_more()? {
            return Ok(true);
        }
        // Others may wait for our last batch as we do for theirs.
        self.commit_all()?;
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.refresh()?;
        }
        Ok(!self.others_have_more()?)
    }

    /// Whether partitions that are not ours were to be read, and their end is not in a batch yet.
    fn others_have_more(&mut self) -> Result<bool, Error> {
        if self.targets.keys().all(|p| self.parts.contains_key(p)) {
            return Ok(false);
        }
        self.settle()?;
        let Log::Here(log) = &self.log else {
            return Ok(true);
        };
        let mut not_ours = self
            .targets
            .iter()
            .filter(|(partition, _)| !self.parts.contains_key(partition));
        Ok(not_ours.any(|(partition, target)| !target.is_reached(log.partition_end(*partition))))
    }

    /// Reads the newest footer, once no batch of ours is on its way.
    pub(super) fn refresh(&mut self) -> Result<(), Error> {
        let runtime = self.runtime;
        runtime
            .block_on(self.log()?.refresh())
            .map(drop)
            .map_err(Error::log)
    }
}

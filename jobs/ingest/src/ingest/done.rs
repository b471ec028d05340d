//! The end of a run that is to end at the end. Invariant: it has come when every record that was there at the start is
//! in a batch, whoever wrote that.

use std::time::{Duration, Instant};

use super::Until;
use super::session::{Part, Session};
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
                    .is_none_or(|target| part.next >= *target)
        };
        if !self
            .parts
            .iter()
            .all(|(partition, part)| reached(partition, part))
        {
            return Ok(false);
        }
        let others = |session: &Self| {
            let left = |(partition, target): (&i32, &i64)| {
                !session.parts.contains_key(partition)
                    && session
                        .log
                        .end_of(*partition)
                        .is_none_or(|end| end < *target)
            };
            session.targets.iter().any(left)
        };
        if !others(self) {
            return Ok(true);
        }
        // Others may wait for our last batch as we do for theirs.
        self.commit()?;
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.runtime
                .block_on(self.log.refresh())
                .map_err(Error::log)?;
        }
        Ok(!others(self))
    }
}

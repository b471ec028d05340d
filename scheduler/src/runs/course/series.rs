//! The costs of the passes of one model, bounded in memory.

use gugus_pages::run::PassSeries;
use gugus_progress::PassReport;

/// The most costs that are kept: more than a chart has pixels.
const MOST: usize = 2_048;

/// The passes of one model.
#[derive(Clone, Debug)]
pub(super) struct Series {
    costs: Vec<(u32, f64)>,
    /// Passes whose number is a multiple of it are kept.
    stride: u32,
    last: PassReport,
}

impl Series {
    pub(super) fn new(first: PassReport) -> Self {
        let mut series = Self {
            costs: Vec::new(),
            stride: 1,
            last: first.clone(),
        };
        series.add(first);
        series
    }

    pub(super) fn add(&mut self, pass: PassReport) {
        // A model that is trained anew begins with its first pass.
        if pass.pass < self.last.pass {
            *self = Self::new(pass);
            return;
        }
        if let Some(cost) = cost_of(&pass)
            && pass.pass.is_multiple_of(self.stride)
        {
            self.costs.push((pass.pass, cost));
            if self.costs.len() > MOST {
                self.stride *= 2;
                let stride = self.stride;
                self.costs.retain(|(pass, _)| pass.is_multiple_of(stride));
            }
        }
        self.last = pass;
    }

    pub(super) fn shown(&self) -> PassSeries {
        let mut costs = self.costs.clone();
        if let Some(cost) = cost_of(&self.last)
            && costs.last().is_none_or(|(kept, _)| *kept < self.last.pass)
        {
            costs.push((self.last.pass, cost));
        }
        PassSeries {
            costs,
            last: self.last.clone(),
        }
    }
}

/// The cost of a pass that moved centers. Passes before are about candidates, whose cost would make all others look alike.
fn cost_of(pass: &PassReport) -> Option<f64> {
    let cost = pass.moved.and(pass.cost);
    cost.filter(|cost| cost.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_passes_some_are_kept_and_the_last_is_among_them() {
        let pass = |pass: u32| PassReport {
            model: "m".to_owned(),
            pass,
            step: "lloyd".to_owned(),
            cost: Some(1.0 / f64::from(pass)),
            moved: Some(0.5),
        };
        let mut series = Series::new(pass(1));
        (2..=100_001).for_each(|number| series.add(pass(number)));
        let shown = series.shown();
        assert!(shown.costs.len() <= MOST + 1 && shown.costs.len() > MOST / 4);
        assert!(shown.costs.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(shown.costs.last().map(|(pass, _)| *pass), Some(100_001));
    }
}

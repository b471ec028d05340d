//! The result of a step on some slices, and how two such results are merged.
//!
//! Invariant: merging is commutative and associative in every bit, and [`Partial::empty`] is its neutral element. All
//! sums are integers or exact, and every choice follows a total order.

use serde::{Deserialize, Serialize};

use crate::draws::Draws;
use crate::error::PartialError;
use crate::exact_sum::ExactSum;
use crate::means::Means;
use crate::merge::{Clash, add_counts};
use crate::silhouette::Silhouettes;
use crate::spread::Spreads;
use crate::step::Step;
use crate::summary::Summary;

/// The first byte of an encoded partial. It changes with the format, so a partial of another version is refused and not
/// misread.
const VERSION: u8 = 1;

/// The result of a step on one or more slices. Its size does not depend on the number of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Partial(pub(crate) Content);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Content {
    Summarize(Summary),
    // Exact sums take a kilobyte each, so this one and that of an evaluation are boxed. Otherwise every partial would
    // be as large.
    Cost(Box<ExactSum>),
    Sample(Draws),
    Weigh(Vec<u64>),
    Lloyd(Means),
    Evaluate(Box<Evaluation>),
    Spread(Spreads),
    Silhouette(Silhouettes),
}

/// The sizes and costs of the centers of a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    pub(crate) sizes: Vec<u64>,
    pub(crate) before: Option<ExactSum>,
    pub(crate) cost: ExactSum,
}

impl Partial {
    /// The result of a step on a slice without rows, for points with so many columns.
    #[must_use]
    pub fn empty(step: &Step, dimensions: usize) -> Self {
        Self(match step {
            Step::Summarize { first, .. } => Content::Summarize(Summary::empty(dimensions, *first)),
            Step::Cost { .. } => Content::Cost(Box::default()),
            Step::Sample { limit, .. } => Content::Sample(Draws::new(*limit)),
            Step::Weigh { candidates } => Content::Weigh(vec![0; candidates.len()]),
            Step::Lloyd { scale, centers } => Content::Lloyd(Means::new(scale, centers.len())),
            Step::Evaluate { before, centers } => Content::Evaluate(Box::new(Evaluation {
                sizes: vec![0; centers.len()],
                before: before.as_ref().map(|_| ExactSum::default()),
                cost: ExactSum::default(),
            })),
            Step::Spread { scale, centers } => Content::Spread(Spreads::new(scale, centers.len())),
            Step::Silhouette { clusters } => Content::Silhouette(Silhouettes::new(clusters.len())),
        })
    }

    /// Merges the result of other slices for the same step.
    ///
    /// # Errors
    /// [`PartialError`] when the other partial is of another step or of other centers, and when a sum is full. After an
    /// error this partial cannot be used any more.
    pub fn merge(&mut self, other: Self) -> Result<(), PartialError> {
        let (step, given) = (self.name(), other.name());
        let merged = match (&mut self.0, other.0) {
            (Content::Summarize(own), Content::Summarize(other)) => own.merge(other),
            (Content::Cost(own), Content::Cost(other)) => own.merge(&other).ok_or(Clash::Full),
            (Content::Sample(own), Content::Sample(other)) => own.merge(other),
            (Content::Weigh(own), Content::Weigh(other)) => add_counts(own, &other),
            (Content::Lloyd(own), Content::Lloyd(other)) => own.merge(&other),
            (Content::Evaluate(own), Content::Evaluate(other)) => own.merge(&other),
            (Content::Spread(own), Content::Spread(other)) => own.merge(&other),
            (Content::Silhouette(own), Content::Silhouette(other)) => own.merge(&other),
            _ => {
                return Err(PartialError::Step {
                    expected: step,
                    given,
                });
            }
        };
        merged.map_err(|clash| match clash {
            Clash::Shape => PartialError::Shape { step },
            Clash::Full => PartialError::Full { step },
        })
    }

    /// The partial as bytes. [`Partial::decode`] of the same version of this crate reads them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Writing to memory does not fail. If it failed, the reader would refuse the missing part.
        postcard::to_extend(&self.0, vec![VERSION]).unwrap_or_default()
    }

    /// Reads what [`Partial::encode`] wrote.
    ///
    /// # Errors
    /// [`PartialError::Encoding`] for other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, PartialError> {
        let content = match bytes {
            [VERSION, content @ ..] => postcard::take_from_bytes(content).ok(),
            _ => None,
        };
        match content {
            Some((content, [])) => Ok(Self(content)),
            _ => Err(PartialError::Encoding { bytes: bytes.len() }),
        }
    }

    /// The step it belongs to.
    pub(crate) fn name(&self) -> &'static str {
        match &self.0 {
            Content::Summarize(_) => "summarize",
            Content::Cost(_) => "cost",
            Content::Sample(_) => "sample",
            Content::Weigh(_) => "weigh",
            Content::Lloyd(_) => "lloyd",
            Content::Evaluate(_) => "evaluate",
            Content::Spread(_) => "spread",
            Content::Silhouette(_) => "silhouette",
        }
    }
}

impl Evaluation {
    fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        add_counts(&mut self.sizes, &other.sizes)?;
        match (&mut self.before, &other.before) {
            (None, None) => {}
            (Some(own), Some(other)) => own.merge(other).ok_or(Clash::Full)?,
            _ => return Err(Clash::Shape),
        }
        self.cost.merge(&other.cost).ok_or(Clash::Full)
    }
}

//! What slices contribute to a step, and how contributions become one.
//!
//! Invariant: merging is commutative and associative to the last bit, with [`Partial::empty`] as its neutral element. All sums are
//! integers or exact, all choices by a total order.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::error::PartialError;
use super::exact::ExactSum;
use super::means::Means;
use super::points::Points;
use super::silhouette::Silhouettes;
use super::spread::Spreads;
use super::step::Step;

/// The first byte of an encoded partial: another version's is refused rather than misread.
const VERSION: u8 = 1;

/// What one or more slices contribute to a step. Its size does not depend on how many rows there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Partial(pub(crate) Content);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Content {
    Summarize(Summary),
    // Boxed, like that of an evaluation: sums that are exact take a kilobyte each, and every partial would be as large as the largest.
    Cost(Box<ExactSum>),
    Sample(Draws),
    Weigh(Vec<u64>),
    Lloyd(Means),
    Evaluate(Box<Evaluation>),
    Spread(Spreads),
    Silhouette(Silhouettes),
}

/// What is known of the rows before anything is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) given: u64,
    pub(crate) rows: u64,
    pub(crate) not_numbers: Vec<u64>,
    pub(crate) infinite: Vec<u64>,
    pub(crate) negative_weights: u64,
    pub(crate) zero_vectors: u64,
    pub(crate) overflows: u64,
    pub(crate) bounds: Vec<[f64; 2]>,
    pub(crate) largest_weight: f64,
    pub(crate) first: Draws,
}

impl Summary {
    pub(crate) fn of(points: &Points, first: Draws) -> Self {
        let tally = points.tally.clone();
        Self {
            given: tally.given,
            rows: points.rows() as u64,
            not_numbers: tally.not_numbers,
            infinite: tally.infinite,
            negative_weights: tally.negative_weights,
            zero_vectors: tally.zero_vectors,
            overflows: tally.overflows,
            bounds: points.bounds.clone(),
            largest_weight: points.largest_weight,
            first,
        }
    }

    fn empty(dimensions: usize, first: usize) -> Self {
        Self {
            given: 0,
            rows: 0,
            not_numbers: vec![0; dimensions + 1],
            infinite: vec![0; dimensions + 1],
            negative_weights: 0,
            zero_vectors: 0,
            overflows: 0,
            bounds: vec![[f64::INFINITY, f64::NEG_INFINITY]; dimensions],
            largest_weight: 0.0,
            first: Draws::new(first),
        }
    }
}

/// What the centers of a fit come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    pub(crate) sizes: Vec<u64>,
    pub(crate) before: Option<ExactSum>,
    pub(crate) cost: ExactSum,
}

impl Partial {
    /// What a slice without rows contributes to a step over so many columns.
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

    /// Takes in what other slices contribute to the same step.
    ///
    /// # Errors
    /// [`PartialError`] when the other one is of another step or of other centers, and when a sum is full; then this one
    /// is of no use any more.
    pub fn merge(&mut self, other: Self) -> Result<(), PartialError> {
        let (step, given) = (self.name(), other.name());
        let merged = match (&mut self.0, other.0) {
            (Content::Summarize(own), Content::Summarize(other)) => own.merge(other),
            (Content::Cost(own), Content::Cost(other)) => own.merge(&other).ok_or(Clash::Full),
            (Content::Sample(own), Content::Sample(other)) => own.merge(other),
            (Content::Weigh(own), Content::Weigh(other)) => add_all(own, &other, u64::checked_add),
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

    /// The partial as bytes for [`Partial::decode`] of the same version of this crate.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Memory takes everything; should it not, then what is left is refused by whoever reads it.
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

/// Why two contributions do not merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clash {
    Shape,
    Full,
}

/// Adds numbers one to one.
fn add_all<T: Copy>(own: &mut [T], other: &[T], add: fn(T, T) -> Option<T>) -> Result<(), Clash> {
    if own.len() != other.len() {
        return Err(Clash::Shape);
    }
    for (own, other) in own.iter_mut().zip(other) {
        *own = add(*own, *other).ok_or(Clash::Full)?;
    }
    Ok(())
}

impl Summary {
    fn merge(&mut self, other: Self) -> Result<(), Clash> {
        for (own, other) in [
            (&mut self.given, other.given),
            (&mut self.rows, other.rows),
            (&mut self.negative_weights, other.negative_weights),
            (&mut self.zero_vectors, other.zero_vectors),
            (&mut self.overflows, other.overflows),
        ] {
            *own = own.checked_add(other).ok_or(Clash::Full)?;
        }
        add_all(&mut self.not_numbers, &other.not_numbers, u64::checked_add)?;
        add_all(&mut self.infinite, &other.infinite, u64::checked_add)?;
        add_all(&mut self.bounds, &other.bounds, |a, b| {
            Some([a[0].min(b[0]), a[1].max(b[1])])
        })?;
        self.largest_weight = self.largest_weight.max(other.largest_weight);
        self.first.merge(other.first)
    }
}

impl Draws {
    fn merge(&mut self, other: Self) -> Result<(), Clash> {
        if self.limit != other.limit {
            return Err(Clash::Shape);
        }
        self.extend(other.rows);
        Ok(())
    }
}

impl Means {
    fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        if self.scale != other.scale {
            return Err(Clash::Shape);
        }
        add_all(&mut self.counts, &other.counts, u64::checked_add)?;
        add_all(&mut self.sums, &other.sums, i128::checked_add)?;
        self.squares = self.squares.checked_add(other.squares).ok_or(Clash::Full)?;
        Ok(())
    }
}

impl Evaluation {
    fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        add_all(&mut self.sizes, &other.sizes, u64::checked_add)?;
        match (&mut self.before, &other.before) {
            (None, None) => {}
            (Some(own), Some(other)) => own.merge(other).ok_or(Clash::Full)?,
            _ => return Err(Clash::Shape),
        }
        self.cost.merge(&other.cost).ok_or(Clash::Full)
    }
}

impl Spreads {
    fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        self.means.merge(&other.means)?;
        merge_sums(&mut self.costs, &other.costs)
    }
}

impl Silhouettes {
    fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        merge_sums(&mut self.above, &other.above)?;
        merge_sums(&mut self.below, &other.below)
    }
}

/// Adds sums one to one.
fn merge_sums(own: &mut [ExactSum], other: &[ExactSum]) -> Result<(), Clash> {
    if own.len() != other.len() {
        return Err(Clash::Shape);
    }
    for (own, other) in own.iter_mut().zip(other) {
        own.merge(other).ok_or(Clash::Full)?;
    }
    Ok(())
}

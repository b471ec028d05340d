//! What an algorithm has to say about itself: the trait that each module of `algorithms` implements.

use std::fmt;

#[cfg(feature = "fit")]
use gugus_kmeans::{Fit, Rows, Stop};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "fit")]
use crate::fit::FitError;
use crate::model::{Model, Saved, TableLayout};

/// The parameters of one algorithm. The trait holds whatever tells this algorithm from the others.
pub trait Parameters: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned {
    /// What other crates look up.
    const FACTS: Facts;

    /// What a fit gives.
    type Model: Model;

    /// How many clusters the job asks for; `None` if the points decide.
    fn k(&self) -> Option<usize>;

    /// The seed; `None` if nothing is drawn.
    fn seed(&self) -> Option<i64>;

    /// Writes the parameters in one line.
    ///
    /// # Errors
    /// Those of the formatter.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// What in the model contradicts these parameters, if anything.
    fn contradiction(&self, model: &Self::Model) -> Option<String>;

    /// The model that was saved.
    ///
    /// # Errors
    /// What is wrong with the saved data, in words.
    fn open(&self, saved: Saved) -> Result<Self::Model, String>;

    /// Fits a model to all rows at once. `carried` is the model of the batch before, if the algorithm is [`Facts::chained`].
    /// Only algorithms that are [`Facts::weighted`] look at `weights`. After the signal of `stop` the fit ends as soon as its
    /// library lets it, without a model.
    ///
    /// # Errors
    /// [`FitError`] says why there is no fit.
    #[cfg(feature = "fit")]
    fn fit(
        &self,
        carried: Option<&Self::Model>,
        rows: &Rows,
        weights: Option<&[f64]>,
        stop: &Stop,
    ) -> Result<Fit<Self::Model>, FitError>;
}

/// What other crates look up about an algorithm.
#[derive(Debug)]
pub struct Facts {
    /// The name in the job file.
    pub name: &'static str,
    /// How the uids of its models begin. Spark uses the name of its class.
    pub uid: &'static str,
    /// Its keys in the job file. Messages list them in this order.
    pub parameters: &'static [Parameter],
    /// Whether rows may have weights.
    pub weighted: bool,
    /// Whether it is fitted over more than one batch, too.
    pub any_scope: bool,
    /// Whether each batch goes on from the model of the batch before.
    pub chained: bool,
    /// The table that its models are saved in. Without one, a model is centers in the format of Spark.
    pub table: Option<TableLayout>,
}

/// A parameter in the job file.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The key in the job file, and the field of the parameters.
    pub key: &'static str,
    /// The values that are allowed.
    pub takes: Takes,
    /// What the value means, if the key may not be left out.
    pub needed: Option<&'static str>,
    /// The greatest whole number that makes sense. A greater one would only keep a machine busy.
    pub sensible: i64,
}

/// The values that a parameter may have.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Whole numbers, both ends included.
    Whole(i64, i64),
    /// Finite numbers that are not negative.
    NotNegative,
    /// Finite numbers above 0.
    AboveZero,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// Whole numbers end where Spark's do. Spark keeps 32 bits, and must be able to load what we save.
const SPARK_INT: i64 = i32::MAX as i64;

/// The most clusters that a job may ask for. Each row is compared with each of them.
pub(crate) const MOST_CLUSTERS: i64 = 1_000_000;

/// The most rounds of a fit. A fit that ends well needs tens of them.
pub(crate) const MOST_ROUNDS: i64 = 1_000_000;

/// The most runs of a fit, and the most steps before the first round. Each looks at all rows.
pub(crate) const MOST_RUNS: i64 = 1_000;

impl Parameter {
    const fn new(key: &'static str, takes: Takes) -> Self {
        Self {
            key,
            takes,
            needed: None,
            sensible: i64::MAX,
        }
    }

    /// The seed: any whole number.
    pub(crate) const SEED: Self = Self::new("seed", Takes::Whole(i64::MIN, i64::MAX));

    /// A whole number of at least `least`.
    pub(crate) const fn whole(key: &'static str, least: i64) -> Self {
        Self::new(key, Takes::Whole(least, SPARK_INT))
    }

    /// A finite number that is not negative.
    pub(crate) const fn not_negative(key: &'static str) -> Self {
        Self::new(key, Takes::NotNegative)
    }

    /// A finite number above 0.
    pub(crate) const fn above_zero(key: &'static str) -> Self {
        Self::new(key, Takes::AboveZero)
    }

    /// One of some texts.
    pub(crate) const fn one_of(key: &'static str, texts: &'static [&'static str]) -> Self {
        Self::new(key, Takes::OneOf(texts))
    }

    /// The same parameter, refused beyond a number that no job needs: the work grows with it.
    pub(crate) const fn up_to(self, sensible: i64) -> Self {
        Self { sensible, ..self }
    }

    /// The same parameter, which may not be left out.
    pub(crate) const fn needed(self, meaning: &'static str) -> Self {
        Self {
            needed: Some(meaning),
            ..self
        }
    }
}

/// Gives an enum of choices the names of its variants in the job file, from one list.
macro_rules! choices {
    ($type:ident, $($name:literal => $variant:ident),+ $(,)?) => {
        impl $type {
            pub(crate) const NAMES: &[&str] = &[$($name),+];

            /// The name in the job file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}
pub(crate) use choices;

//! The model that a path names. A path is parsed once, where the request comes in.

use gugus_models::{Extent, WindowKey};
use gugus_spec::{AliasName, BatchNumber};

use crate::problem::{Code, Problem};

/// A model by its name, and the batch or window that a path names. The name may be any text until a listing contains it,
/// because Spark's folders have names that no job file could give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) wanted: Wanted,
}

/// Which of the models of a name a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Number(BatchNumber),
    /// The one with the highest number.
    Latest,
    /// The batch that an alias of the model stands for.
    Alias(AliasName),
    /// The model of a window.
    Window(WindowKey),
    /// The model over all batches.
    All,
}

impl Wanted {
    /// The batch that a text names: by its number, as the latest, or by an alias.
    pub(crate) fn batch(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        let number = text.parse().map(Self::Number).ok();
        number.or_else(|| text.parse().map(Self::Alias).ok())
    }
}

impl From<&Extent> for Wanted {
    fn from(extent: &Extent) -> Self {
        match extent {
            Extent::Batch(batch) => Self::Number(*batch),
            Extent::Window(key) => Self::Window(key.clone()),
            Extent::All => Self::All,
        }
    }
}

/// `/models`
pub(crate) fn nothing(path: Vec<String>) -> Result<(), Problem> {
    let [] = segments(path)?;
    Ok(())
}

/// `/models/{model}`
pub(crate) fn model(path: Vec<String>) -> Result<Asked, Problem> {
    let [model] = segments(path)?;
    let wanted = Wanted::All;
    Ok(Asked { model, wanted })
}

/// `/models/{model}/batches/{batch}`
pub(crate) fn batch(path: Vec<String>) -> Result<Asked, Problem> {
    let [model, batch] = segments(path)?;
    match Wanted::batch(&batch) {
        Some(wanted) => Ok(Asked { model, wanted }),
        None => Err(Problem::no_batch(&model, &batch)),
    }
}

/// `/models/{model}/windows/{window}`
pub(crate) fn window(path: Vec<String>) -> Result<Asked, Problem> {
    let [model, key] = segments(path)?;
    let wanted = match key.parse() {
        Ok(key) => Wanted::Window(key),
        Err(_) => return Err(Problem::unknown_window(&model, &key)),
    };
    Ok(Asked { model, wanted })
}

pub(crate) fn segments<const N: usize>(path: Vec<String>) -> Result<[String; N], Problem> {
    path.try_into()
        .map_err(|_| Problem::new(Code::UnknownPath, "there is no such path"))
}

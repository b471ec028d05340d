//! What a request wishes beside its answer, as its query says.

use gugus_clusters::Explain;
use percent_encoding::percent_decode_str;

use crate::problem::{Code, Problem, cut};

/// The wishes of a request for predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whether the answer tells distances, the runner-up and the model.
    pub(crate) explain: Explain,
    pub(crate) strictness: Strictness,
}

/// How exactly records have to be what the model reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// As in ingest: text becomes a number, other columns are ignored, a column may be missing.
    #[default]
    Lenient,
    /// All columns of the model and no others, and each value of the type of its column.
    Strict,
}

impl Options {
    /// Reads the query of a request. Parameters of other names are ignored, because caches and proxies add some.
    pub(crate) fn parse(query: &str) -> Result<Self, Problem> {
        let mut options = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
            match name {
                "explain" if is_true(name, value)? => options.explain = Explain::Yes,
                "strict" if is_true(name, value)? => options.strictness = Strictness::Strict,
                _ => {}
            }
        }
        Ok(options)
    }
}

fn is_true(name: &str, value: &str) -> Result<bool, Problem> {
    match &*percent_decode_str(value).decode_utf8_lossy() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Problem::new(
            Code::WrongQuery,
            format!(
                "parameter {name:?} is {:?}; it takes true or false",
                cut(other)
            ),
        )),
    }
}

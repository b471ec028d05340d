//! Expressions that say their name when they fail.
//!
//! An expression reads nothing but its row. So its error is about the data and never about a machine. [`Named`] marks
//! the error as such, with the name and the text of the expression. Ballista hands errors on as text, in the debug form
//! of Rust and wrapped several times. [`DataError`] has a form that [`DataError::in_text`] finds again in such text.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use gugus_error::catch;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::tree::only_child;

/// The name of our expression in messages and in the fingerprint of the codec.
pub(crate) const NAMED: &str = "gugus_named";

/// How much of an expression's text a message repeats, in characters.
const LONGEST_SHOWN: usize = 200;

/// An expression fails on a row.
#[derive(Clone, PartialEq, Eq)]
pub struct DataError {
    /// Which expression: `feature "hour"`, `where`.
    pub place: String,
    /// What is wrong, as a sentence.
    pub reason: String,
}

impl DataError {
    const BEGIN: &str = "<gugus data error ";
    const SEPARATOR: &str = " of ";
    const END: char = '>';

    /// Finds the data error in the text of an error, whatever text surrounds it.
    #[must_use]
    pub fn in_text(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(Self::BEGIN)?;
        let (own, _) = rest.split_once(Self::END)?;
        let (place, reason) = own.split_once(Self::SEPARATOR)?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(Self {
            place: decoded(place),
            reason: decoded(reason),
        })
    }

    /// The data error that caused this error, if one did.
    #[must_use]
    pub fn of(error: &DataFusionError) -> Option<&Self> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(data) = error.downcast_ref::<Self>() {
                return Some(data);
            }
            if let Some(DataFusionError::External(inner)) = error.downcast_ref::<DataFusionError>()
                && let Some(data) = inner.downcast_ref::<Self>()
            {
                return Some(data);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fails on a row: {}", self.place, self.reason)
    }
}

/// The form survives being quoted.
impl fmt::Debug for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const QUOTED: &AsciiSet = &CONTROLS
            .add(b'"')
            .add(b'\'')
            .add(b'\\')
            .add(b'%')
            .add(b'<')
            .add(b'>')
            .add(b' ');
        let place = utf8_percent_encode(&self.place, QUOTED);
        let reason = utf8_percent_encode(&self.reason, QUOTED);
        let (begin, separator, end) = (Self::BEGIN, Self::SEPARATOR, Self::END);
        write!(f, "{begin}{place}{separator}{reason}{end}")
    }
}

impl std::error::Error for DataError {}

/// Which expression of a model it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Name {
    /// `feature "hour"`, `where`, `weight_col`, `window`.
    pub(crate) place: String,
    /// The text as it stands in the job file.
    pub(crate) sql: String,
}

/// An expression of a model, which fails with a [`DataError`].
#[derive(Clone, Debug, Eq)]
pub(crate) struct Named {
    name: Arc<Name>,
    inner: Arc<dyn PhysicalExpr>,
}

impl Named {
    pub(crate) fn new(name: Name, inner: Arc<dyn PhysicalExpr>) -> Self {
        let name = Arc::new(name);
        Self { name, inner }
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    fn failed(&self, error: &DataFusionError) -> DataFusionError {
        let reason = sentence(error);
        let sql: String = self.name.sql.chars().take(LONGEST_SHOWN).collect();
        let more = if sql.len() < self.name.sql.len() {
            "…"
        } else {
            ""
        };
        DataFusionError::External(Box::new(DataError {
            place: self.name.place.clone(),
            reason: format!("{reason} (in `{sql}{more}`)"),
        }))
    }
}

/// The mistake, without the names of the crates that reported it.
fn sentence(error: &DataFusionError) -> String {
    let root = error.find_root();
    if let DataFusionError::ArrowError(arrow, _) = root
        && matches!(**arrow, ArrowError::DivideByZero)
    {
        return "divide by zero; divide by nullif(…, 0), or write CASE WHEN … THEN … END around the division"
            .to_owned();
    }
    let text = root.strip_backtrace();
    let mut text = text.lines().next().unwrap_or_default().trim();
    // `Arrow error: Cast error: Cannot cast …`
    while let Some((wrapper, rest)) = text.split_once(" error: ")
        && wrapper.split(' ').count() <= 2
    {
        text = rest;
    }
    text.to_owned()
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.inner.eq(&other.inner)
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.inner.hash(state);
    }
}

/// Shown as the expression itself, because the name changes no value.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Named {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ColumnarValue> {
        // Some kernels of Arrow panic if a column of text grows beyond two gigabytes.
        let value = catch(|| self.inner.evaluate(rows));
        let value = value.unwrap_or_else(|_| exec_err!("a function panicked on these values"));
        value.map_err(|error| self.failed(&error))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = Arc::clone(only_child(NAMED, &children)?);
        let name = Arc::clone(&self.name);
        Ok(Arc::new(Self { name, inner }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_error_is_found_in_any_text_around_it() {
        let error = DataError {
            place: "feature \"at\"".to_owned(),
            reason: "cannot read '<a> of \\ 100%'\n(in `ä || \"b\"`)".to_owned(),
        };
        let plain = DataFusionError::External(Box::new(error.clone()));
        let shared = DataFusionError::Shared(Arc::new(plain.context("over here")));
        assert_eq!(DataError::of(&shared), Some(&error));
        let text = format!("{shared:?}");
        assert_eq!(DataError::in_text(&text).as_ref(), Some(&error));
        let quoted = format!("{:?}", format!("Task failed: {text:?}"));
        assert_eq!(DataError::in_text(&quoted), Some(error));
        assert_eq!(DataError::in_text("Execution error: no"), None);
        assert_eq!(DataError::in_text("<gugus data error cut"), None);
    }

    #[test]
    fn a_sentence_names_no_crate() {
        let cast = ArrowError::CastError("Cannot cast string 'x' to Int32".to_owned());
        let cast = DataFusionError::ArrowError(Box::new(cast), None);
        assert_eq!(sentence(&cast), "Cannot cast string 'x' to Int32");
        let zero = DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None);
        assert!(sentence(&zero).starts_with("divide by zero; "));
        let failed = DataFusionError::Execution("no hour: 25\nbacktrace".to_owned());
        assert_eq!(sentence(&failed.context("at")), "no hour: 25");
    }
}

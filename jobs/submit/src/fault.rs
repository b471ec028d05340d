//! Whose fault it is that a plan failed: that of the data, or that of a machine.
//!
//! Data fail again on any machine, so their batch fails, and the others go on. What a machine did wrong may succeed on another
//! one. An expression marks its own errors ([`DataError`]); the types of DataFusion tell the rest. Ballista hands errors on as
//! text, in which the names of the same types stand.

use std::error::Error;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use gugus_features::DataError;

/// Whose fault it is that a plan failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The data make it fail on any machine. The sentence is for a user.
    Data(String),
    /// A machine, its storage or its network. Another attempt may succeed. The sentence is for a user.
    Machine(String),
}

/// Names of types in the debug form of errors of a file system or an object store, and beginnings of their messages.
const STORAGE: [&str; 9] = [
    "ObjectStore",
    "Object Store error",
    "object_store",
    "IoError",
    "IO error",
    "Os {",
    "os error",
    "NotFound {",
    "Generic {",
];

/// Names of types in the debug form of errors about the data, and beginnings of their messages.
const DATA: [&str; 6] = [
    "ArrowError",
    "Arrow error",
    "ParquetError",
    "Parquet error",
    "Execution error",
    "DivideByZero",
];

impl Fault {
    /// Sorts an error of DataFusion by its types.
    #[must_use]
    pub fn of(error: &DataFusionError) -> Self {
        if let Some(data) = DataError::of(error) {
            return Self::Data(data.to_string());
        }
        let text = first_line(&error.strip_backtrace());
        let mut about_data = false;
        let mut cause: Option<&(dyn Error + 'static)> = Some(error.find_root());
        while let Some(error) = cause {
            let storage = error.is::<std::io::Error>()
                || error.is::<datafusion::object_store::Error>()
                || matches!(
                    error.downcast_ref(),
                    Some(DataFusionError::ObjectStore(_) | DataFusionError::IoError(_))
                )
                || matches!(error.downcast_ref(), Some(ArrowError::IoError(..)));
            if storage {
                return Self::Machine(text);
            }
            about_data |= error.is::<ArrowError>()
                || error.is::<ParquetError>()
                || matches!(
                    error.downcast_ref(),
                    Some(
                        DataFusionError::ArrowError(..)
                            | DataFusionError::ParquetError(_)
                            | DataFusionError::Execution(_)
                    )
                );
            cause = error.source();
        }
        // Parquet hides an error of the store in a text of its own.
        match about_data && !STORAGE.iter().any(|word| text.contains(word)) {
            true => Self::Data(format!("its rows cannot be read: {text}")),
            false => Self::Machine(text),
        }
    }

    /// Sorts an error that Ballista handed on as text.
    #[must_use]
    pub fn in_text(message: &str) -> Self {
        if let Some(data) = DataError::in_text(message) {
            return Self::Data(data.to_string());
        }
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if has(&STORAGE) || !has(&DATA) {
            return Self::Machine(message.to_owned());
        }
        // The innermost text stands in quotes.
        let detail = message.split('"').nth(1).unwrap_or(message);
        Self::Data(format!("its rows cannot be read: {}", first_line(detail)))
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each error by its type, and by the text that Ballista makes of it.
    fn both(error: DataFusionError) -> [Fault; 2] {
        let text = format!("Task failed: DataFusionError({:?})", error);
        [Fault::of(&error), Fault::in_text(&text)]
    }

    #[test]
    fn an_expression_that_fails_on_a_row_is_about_the_data() {
        let data = DataError {
            place: "feature \"at\"".to_owned(),
            reason: "no such month: 13".to_owned(),
        };
        let error = DataFusionError::External(Box::new(data));
        let error = DataFusionError::Shared(std::sync::Arc::new(error.context("a projection")));
        let sentence = "feature \"at\" fails on a row: no such month: 13";
        for fault in both(error) {
            assert_eq!(fault, Fault::Data(sentence.to_owned()));
        }
    }

    #[test]
    fn damage_in_a_file_is_about_the_data_and_its_store_is_not() {
        let damaged = ParquetError::General("invalid page header".to_owned());
        for fault in both(DataFusionError::ParquetError(Box::new(damaged))) {
            let Fault::Data(reason) = fault else {
                panic!("{fault:?}")
            };
            assert!(reason.starts_with("its rows cannot be read: "), "{reason}");
            assert!(reason.contains("invalid page header"), "{reason}");
        }
        let away = || datafusion::object_store::Error::Generic {
            store: "S3",
            source: "connection refused".into(),
        };
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let machines = [
            DataFusionError::ObjectStore(Box::new(away())),
            DataFusionError::ParquetError(Box::new(ParquetError::External(Box::new(away())))),
            DataFusionError::External(Box::new(away())),
            DataFusionError::IoError(gone()),
            DataFusionError::ParquetError(Box::new(ParquetError::External(Box::new(gone())))),
            DataFusionError::ArrowError(
                Box::new(ArrowError::IoError("read".to_owned(), gone())),
                None,
            ),
            DataFusionError::ResourcesExhausted("no memory".to_owned()),
            DataFusionError::Internal("a bug".to_owned()),
        ];
        for error in machines {
            let told = error.to_string();
            let text = format!("DataFusionError({error:?})");
            assert!(matches!(Fault::of(&error), Fault::Machine(_)), "{told}");
            assert!(matches!(Fault::in_text(&text), Fault::Machine(_)), "{text}");
        }
    }
}

//! Whose fault it is that a plan failed: that of the data, of storage, or of something else in a machine.
//!
//! Data fail again on any machine, so their batch fails, and the others go on. What a machine did wrong may succeed on another
//! one. An expression marks its own errors ([`DataError`]); the types of DataFusion tell the rest.
//!
//! Ballista hands errors on as text. So an executor sorts an error while it has its types, and writes [`Fault::as_text`], which
//! [`Fault::in_text`] finds in whatever Ballista makes of it. In the text of others, the names of types decide.

use std::any::Any;
use std::error::Error;
use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::object_store;
use datafusion::parquet::errors::ParquetError;
use gugus_error::{causes, chain, find, panic_text};
use gugus_features::{DataError, ReaderPanic, StoreFails};

/// Whose fault it is that a plan failed. The sentences are for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The data make it fail on any machine.
    Data(String),
    /// The folder or bucket of the files, or a disk, as one machine sees it. Another machine, or another moment, may do.
    Storage(String),
    /// Something else in a machine or its network. Another attempt may succeed.
    Machine(String),
}

/// Stands before the sentence of [`Fault::Data`] in a text.
const DATA_MARK: &str = "gugus data fault: ";

/// Stands before the sentence of [`Fault::Storage`] in a text.
const STORAGE_MARK: &str = "gugus storage fault: ";

/// Names of types in the debug form of errors of a file system or an object store, and beginnings of their messages.
const STORAGE: [&str; 10] = [
    "ObjectStore",
    "Object Store error",
    "object_store",
    "IoError",
    "IO error",
    "Os {",
    "os error",
    "NotFound {",
    "Kind(",
    "Generic {",
];

/// Words of a panic for want of threads or memory, which another executor may have.
const SCARCE: [&str; 3] = ["spawn", "temporarily unavailable", "allocat"];

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
    /// Sorts an error by the types of its causes. The error of a store counts before that of the reader that met it.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        if let Some(data) = find::<DataError>(error) {
            return Self::Data(data.to_string());
        }
        if let Some(panic) = find::<ReaderPanic>(error) {
            return Self::of_panic_text(&panic.what, &panic.to_string());
        }
        if let Some(error) = find::<StoreFails>(error) {
            return Self::Storage(one_line(&chain(error)));
        }
        if let Some(error) = find::<object_store::Error>(error) {
            return Self::Storage(one_line(&chain(error)));
        }
        // A decoder that meets the end of its bytes, or odd ones, tells that as an error of I/O, too.
        if find::<io::Error>(error).is_some_and(is_of_the_system) {
            return Self::Storage(one_line(&chain(error)));
        }
        let text = match error.downcast_ref::<DataFusionError>() {
            Some(error) => one_line(&error.strip_backtrace()),
            None => one_line(&chain(error)),
        };
        // Parquet hides some errors of a store in texts of its own.
        if STORAGE.iter().any(|word| text.contains(word)) {
            return Self::Storage(text);
        }
        let about_data = |cause: &(dyn Error + 'static)| {
            cause.is::<ArrowError>()
                || cause.is::<ParquetError>()
                || matches!(cause.downcast_ref(), Some(DataFusionError::Execution(_)))
        };
        match causes(error).any(about_data) {
            true => Self::Data(format!("its rows cannot be read: {text}")),
            false => Self::Machine(text),
        }
    }

    /// Sorts a panic. Readers of files panic on some damage, and the rows of other files shall not fail with it.
    #[must_use]
    pub fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic_text(panic);
        Self::of_panic_text(text, text)
    }

    /// Sorts a panic by what it said, and shows `text`.
    fn of_panic_text(said: &str, text: &str) -> Self {
        let text = one_line(text);
        if STORAGE
            .iter()
            .chain(&SCARCE)
            .any(|word| said.contains(word))
        {
            return Self::Machine(format!("a task panicked: {text}"));
        }
        Self::Data(format!(
            "its rows make a reader or a function panic ({text}); `gugus batches verify` tells whether its file is damaged"
        ))
    }

    /// As text that survives the journey.
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::Data(sentence) => format!("{DATA_MARK}{sentence}"),
            Self::Storage(sentence) => format!("{STORAGE_MARK}{sentence}"),
            Self::Machine(sentence) => sentence.clone(),
        }
    }

    /// Sorts an error that Ballista handed on as text.
    #[must_use]
    pub fn in_text(message: &str) -> Self {
        if let Some(sentence) = after(message, DATA_MARK) {
            return Self::Data(sentence);
        }
        if let Some(sentence) = after(message, STORAGE_MARK) {
            return Self::Storage(sentence);
        }
        if let Some(data) = DataError::in_text(message) {
            return Self::Data(data.to_string());
        }
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if has(&STORAGE) {
            return Self::Storage(one_line(message));
        }
        if !has(&DATA) {
            return Self::Machine(one_line(message));
        }
        // The innermost text stands in quotes, as `{:?}` writes it.
        let quoted = message.split_once('"').map(|(_, text)| unquoted(text));
        let detail = quoted.unwrap_or_else(|| one_line(message));
        Self::Data(format!("its rows cannot be read: {detail}"))
    }
}

/// Whether the system said so, and not a decoder of bytes.
fn is_of_the_system(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof, WriteZero};
    let of_bytes = [InvalidData, InvalidInput, Other, UnexpectedEof, WriteZero];
    error.raw_os_error().is_some() || !of_bytes.contains(&error.kind())
}

/// What follows a mark. Ballista quotes the last error of a task that it tried several times.
fn after(message: &str, mark: &str) -> Option<String> {
    let (before, sentence) = message.split_once(mark)?;
    Some(match before.ends_with('"') {
        true => unquoted(sentence),
        false => one_line(sentence),
    })
}

/// A text up to its closing quote, out of the form that Rust's `{:?}` gives it.
fn unquoted(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n' | 'r' | 't') => plain.push(' '),
                Some('u') => {
                    let digits = characters.by_ref().skip_while(|c| *c == '{');
                    let digits: String = digits.take_while(|c| *c != '}').collect();
                    let code = u32::from_str_radix(&digits, 16).ok();
                    plain.extend(code.and_then(char::from_u32));
                }
                Some(escaped) => plain.push(escaped),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

fn one_line(text: &str) -> String {
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
        let cut_off = io::Error::new(io::ErrorKind::UnexpectedEof, "invalid page header");
        let cut_off = ParquetError::External(Box::new(cut_off));
        let cut_off = Fault::of(&DataFusionError::ParquetError(Box::new(cut_off)));
        assert!(matches!(cut_off, Fault::Data(_)), "{cut_off:?}");
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
        let stores = [
            DataFusionError::ObjectStore(Box::new(away())),
            DataFusionError::ParquetError(Box::new(ParquetError::External(Box::new(away())))),
            DataFusionError::External(Box::new(away())),
            DataFusionError::IoError(gone()),
            DataFusionError::ParquetError(Box::new(ParquetError::External(Box::new(gone())))),
            DataFusionError::ArrowError(
                Box::new(ArrowError::IoError("read".to_owned(), gone())),
                None,
            ),
        ];
        for error in stores {
            let text = format!("DataFusionError({error:?})");
            assert!(matches!(Fault::of(&error), Fault::Storage(_)), "{error}");
            assert!(matches!(Fault::in_text(&text), Fault::Storage(_)), "{text}");
        }
        for error in [
            DataFusionError::ResourcesExhausted("no memory".to_owned()),
            DataFusionError::Internal("a bug".to_owned()),
        ] {
            let text = format!("DataFusionError({error:?})");
            assert!(matches!(Fault::of(&error), Fault::Machine(_)), "{error}");
            assert!(matches!(Fault::in_text(&text), Fault::Machine(_)), "{text}");
        }
    }

    #[test]
    fn a_sentence_survives_what_ballista_makes_of_it() {
        let sentence = "feature \"at\" fails on a row: 'é\\' is no month";
        for fault in [
            Fault::Data(sentence.to_owned()),
            Fault::Storage(sentence.to_owned()),
        ] {
            let text = fault.as_text();
            let at_once = format!("Job failed due to stage 1 failed: {text}\n");
            let tried = format!(
                "Job failed due to stage 2 failed: Task 0 in Stage 2 failed 4 times, fail the stage, most recent failure reason: {text:?}\n"
            );
            for told in [text, at_once, tried] {
                assert_eq!(Fault::in_text(&told), fault, "{told}");
            }
        }
        let other = Fault::Machine("no memory".to_owned());
        assert_eq!(Fault::in_text(&other.as_text()), other);
    }

    /// Some errors of a store do not say which file was asked for.
    #[test]
    fn a_store_that_does_not_answer_is_named_with_the_file() {
        let fails = StoreFails {
            path: "away/batch/batch_00000001.parquet".to_owned(),
            source: object_store::Error::Generic {
                store: "S3",
                source: "no answer in time".into(),
            },
        };
        let error = ParquetError::External(Box::new(fails));
        for fault in both(DataFusionError::ParquetError(Box::new(error))) {
            let Fault::Storage(sentence) = fault else {
                panic!("{fault:?}")
            };
            for words in ["away/batch/batch_00000001.parquet", "no answer in time"] {
                assert!(sentence.contains(words), "{sentence}");
            }
        }
    }

    /// The error of a store names the file, which stands in the sentence.
    #[test]
    fn a_store_that_lacks_a_file_is_named_with_the_file() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound).into();
        let path = "/data/batch/batch_00000001.parquet".to_owned();
        let gone = object_store::Error::NotFound { path, source };
        let error = ParquetError::External(Box::new(gone));
        let Fault::Storage(sentence) = Fault::of(&DataFusionError::ParquetError(Box::new(error)))
        else {
            panic!("not about storage")
        };
        assert!(
            sentence.contains("/data/batch/batch_00000001.parquet"),
            "{sentence}"
        );
        assert!(!sentence.contains("NotFound {"), "{sentence}");
    }
}

//! The form of rejected records. Invariant: a record is read as it was read the first time.

use gugus_batches::Footer;
use gugus_records::{Columns, Header, Layout, Reason};

use crate::formats;

/// The form of the records of one commit.
pub(super) enum Form {
    /// Records of the topic.
    Topic,
    /// Records of imported files: for each file the offset behind its last record.
    Files(Vec<(i64, FileForm)>),
}

/// The form of the records of a file.
pub(super) enum FileForm {
    /// JSON objects.
    Json,
    /// Rows of Parquet, which [`row_json`](gugus_records::row_json) has written.
    Parquet,
    /// Rows of CSV, with the header of the file.
    Csv(Header),
}

impl Form {
    pub(super) fn of(footer: &Footer, layout: &Layout) -> Self {
        if footer.imported.is_empty() {
            return Self::Topic;
        }
        let mut next = footer.ranges.first().map_or(0, |range| range.first);
        let files = footer.imported.iter().map(|part| {
            next += i64::try_from(part.next.saturating_sub(part.first)).unwrap_or(i64::MAX);
            let header = part.header.as_ref();
            let form = match header.and_then(|names| Header::new(names, layout).ok()) {
                Some(header) => FileForm::Csv(header),
                None if part.format.as_deref() == Some(formats::PARQUET) => FileForm::Parquet,
                None => FileForm::Json,
            };
            (next, form)
        });
        Self::Files(files.collect())
    }

    /// Appends a record to the columns.
    pub(super) fn push(
        &self,
        columns: &mut Columns,
        offset: i64,
        value: &[u8],
    ) -> Result<(), Reason> {
        let Self::Files(files) = self else {
            return columns.push_record(value);
        };
        match files.iter().find(|(next, _)| offset < *next) {
            Some((_, FileForm::Csv(header))) => columns.push_csv(header, value),
            Some((_, FileForm::Parquet)) => columns.push_row_json(value),
            _ => columns.push_json(value),
        }
    }
}

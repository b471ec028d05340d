//! How rows of a CSV file become records. A new form of records is one file below this one and one line in each `match`.

mod csv;
mod json;

use super::config::Form;

/// Writes rows as records of one form.
pub(super) struct Rows {
    writer: Writer,
    /// How many columns the file has.
    width: usize,
}

enum Writer {
    Json(json::Objects),
    Csv(csv::Lines),
}

impl Rows {
    /// Makes records of a form, from rows with the columns `names`.
    pub(super) fn of(form: &Form, names: &[String]) -> Self {
        let writer = match form {
            Form::Json => Writer::Json(json::Objects::of(names)),
            Form::Csv { delimiter, header } => {
                Writer::Csv(csv::Lines::of(names, header, *delimiter))
            }
        };
        Self {
            writer,
            width: names.len(),
        }
    }

    /// Writes a row over `out`. Cells that the row lacks are left out or empty.
    ///
    /// # Errors
    /// The fault of the row.
    pub(super) fn write<'c>(
        &self,
        cells: impl ExactSizeIterator<Item = &'c [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if cells.len() > self.width {
            let (found, width) = (cells.len(), self.width);
            return Err(format!("it has {found} cells where the header has {width}"));
        }
        match &self.writer {
            Writer::Json(objects) => objects.write(cells, out),
            Writer::Csv(lines) => lines.write(cells, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_are_refused_in_every_form() {
        let csv = Form::Csv {
            delimiter: b';',
            header: vec!["a".to_owned()],
        };
        for form in [Form::Json, csv] {
            let rows = Rows::of(&form, &["a".to_owned()]);
            let long = [b"1".as_slice(), b"2"];
            let reason = rows.write(long.into_iter(), &mut Vec::new()).unwrap_err();
            assert!(reason.contains("2 cells"), "{form:?}: {reason}");
        }
    }
}

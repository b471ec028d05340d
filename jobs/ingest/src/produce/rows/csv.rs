//! Rows as CSV lines. Invariant: cells have the order that the job's readers expect, not the order of the file.

/// How the rows of a file become records.
pub(super) struct Lines {
    delimiter: u8,
    /// For each cell of a record the column of the file, or `None` if the file lacks it.
    order: Vec<Option<usize>>,
}

impl Lines {
    /// Makes records with the cells of `header`, from rows with the columns `names`.
    pub(super) fn of(names: &[String], header: &[String], delimiter: u8) -> Self {
        let place = |name: &String| names.iter().position(|other| other == name);
        Self {
            delimiter,
            order: header.iter().map(place).collect(),
        }
    }

    /// Writes a row over `out`, without the end of the line. Cells that the row lacks are empty.
    ///
    /// # Errors
    /// The fault of the row.
    pub(super) fn write<'c>(
        &self,
        cells: impl Iterator<Item = &'c [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        out.clear();
        let row: Vec<&[u8]> = cells.collect();
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_writer(&mut *out);
        let cell = |at: &Option<usize>| at.and_then(|at| row.get(at).copied()).unwrap_or_default();
        let cells = self.order.iter().map(cell);
        let written = writer
            .write_record(cells)
            .and_then(|()| writer.flush().map_err(Into::into));
        drop(writer);
        written.map_err(|e| format!("could not be written as csv: {e}"))?;
        out.pop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_put_in_the_readers_order_and_quoted() {
        let text = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let lines = Lines::of(&text(&["a", "b", "c"]), &text(&["c", "x", "a"]), b';');
        let mut out = b"rest of the row before".to_vec();
        let row = [b"1".as_slice(), b"2", b"say \"3\"; 4"];
        lines.write(row.into_iter(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out.clone()).unwrap(),
            r#""say ""3""; 4";;1"#
        );
        lines
            .write([b"1".as_slice()].into_iter(), &mut out)
            .unwrap();
        assert_eq!(out, b";;1");
    }
}

//! CSV: the first line names the columns, each other line is a record.

use std::fmt::{self, Write as _};

use gugus_records::{Columns, CsvRows, Header, header_names};
use gugus_spec::CsvFormat;

use crate::answers::Answers;
use crate::problem::{Code, Problem};
use crate::reading::Reading;
use crate::rows::{Rows, Shape, Wrong};

/// The records of a body.
pub(super) fn read<'a>(body: &[u8], reading: Reading<'_>) -> Result<Rows<'a>, Problem> {
    let not_csv =
        |reason: String| Problem::new(Code::NotCsv, format!("the body is not CSV: {reason}"));
    let mut lines = CsvRows::new(body, &CsvFormat::default());
    let names = {
        let first = lines
            .next_row()
            .map_err(|error| not_csv(error.to_string()))?;
        let first = first
            .ok_or_else(|| not_csv("it is empty; its first line names the columns".to_owned()))?;
        let cells = first
            .cells()
            .map_err(|reason| not_csv(reason.to_string()))?;
        header_names(cells, reading.input.columns()).map_err(|error| not_csv(error.to_string()))?
    };
    let layout = reading
        .input
        .layout_of(&names, reading.dimensions, reading.strictness)?;
    let header = Header::new(&names, &layout).map_err(|error| not_csv(error.to_string()))?;
    let mut columns = Columns::new(layout);
    let mut wrong = None;
    while let Some(row) = lines
        .next_row()
        .map_err(|error| not_csv(error.to_string()))?
    {
        reading.check_rows(columns.rows() + 1)?;
        let pushed = row
            .cells()
            .and_then(|cells| columns.push_cells(&header, cells));
        if let Err(reason) = pushed {
            wrong = Some(Wrong::at(columns.rows())(reason.into()));
            break;
        }
    }
    let batch = columns.finish();
    Ok(Rows {
        batch: batch.map_err(|error| Problem::new(Code::WrongValue, error.to_string()))?,
        texts: Vec::new(),
        shape: Shape::Many,
        wrong,
    })
}

/// The answers: a column of clusters, and the columns of the explanation if there is one.
pub(super) fn write(answers: &Answers<'_>) -> Result<Vec<u8>, csv::Error> {
    let about = answers.about();
    let mut names = vec!["cluster"];
    if let Some(about) = &about {
        names.extend([
            "distance",
            "second_cluster",
            "second_distance",
            "model",
            "batch",
        ]);
        names.extend(about.window.map(|_| "window"));
        names.push("uid");
    }
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(8 * (answers.len() + 1)));
    writer.write_record(names)?;
    let mut row = csv::StringRecord::new();
    let mut text = String::new();
    for (index, label) in answers.labels().iter().enumerate() {
        row.clear();
        let mut cell = |value: fmt::Arguments<'_>| {
            text.clear();
            // A text takes whatever is written.
            let _ = text.write_fmt(value);
            row.push_field(&text);
        };
        cell(format_args!("{label}"));
        if let (Some(about), Some(explained)) = (&about, answers.explanation(index)) {
            cell(format_args!("{:?}", explained.distance));
            match explained.second {
                Some((cluster, distance)) => {
                    cell(format_args!("{cluster}"));
                    cell(format_args!("{distance:?}"));
                }
                None => (0..2).for_each(|_| cell(format_args!(""))),
            }
            cell(format_args!("{}", about.model));
            match about.batch {
                Some(batch) => cell(format_args!("{batch}")),
                None => cell(format_args!("")),
            }
            if let Some(window) = about.window {
                cell(format_args!("{window}"));
            }
            cell(format_args!("{}", about.uid));
        }
        writer.write_record(&row)?;
    }
    let written = writer.into_inner();
    written.map_err(|error| csv::Error::from(error.into_error()))
}

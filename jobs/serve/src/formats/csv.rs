//! CSV: the first line names the columns, each other line is a record.

use gugus_clusters::Explained;
use gugus_records::{Columns, CsvRows, Header, header_names};
use gugus_spec::CsvFormat;

use super::Reading;
use crate::answers::Answers;
use crate::problem::{Code, Problem};
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
    let explained = answers.about();
    let mut names = vec!["cluster"];
    if let Some(about) = &explained {
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
    let mut row = csv::ByteRecord::new();
    let mut text = Vec::new();
    for (index, label) in answers.labels().iter().enumerate() {
        row.clear();
        let mut field = |value: Field<'_>| {
            text.clear();
            match value {
                Field::Whole(number) => serde_json::to_writer(&mut text, &number),
                Field::Float(number) => serde_json::to_writer(&mut text, &number),
                Field::Text(value) => {
                    text.extend_from_slice(value.as_bytes());
                    Ok(())
                }
                Field::Nothing => Ok(()),
            }
            .map_err(std::io::Error::from)?;
            row.push_field(&text);
            Ok::<_, csv::Error>(())
        };
        field(Field::Whole(i64::from(*label)))?;
        if let (Some(about), Some(Explained { distance, second })) =
            (&explained, answers.explanation(index))
        {
            field(Field::Float(distance))?;
            match second {
                Some((cluster, distance)) => {
                    field(Field::Whole(i64::from(cluster)))?;
                    field(Field::Float(distance))?;
                }
                None => {
                    field(Field::Nothing)?;
                    field(Field::Nothing)?;
                }
            }
            field(Field::Text(about.model))?;
            field(
                about
                    .batch
                    .map_or(Field::Nothing, |batch| Field::Whole(batch.cast_signed())),
            )?;
            if let Some(window) = about.window {
                field(Field::Text(window))?;
            }
            field(Field::Text(about.uid))?;
        }
        writer.write_byte_record(&row)?;
    }
    writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}

/// A value of a cell.
enum Field<'a> {
    Whole(i64),
    Float(f64),
    Text(&'a str),
    Nothing,
}

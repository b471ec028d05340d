//! Bodies to rows, and answers to bytes: one file for each form.

mod arrow;
mod csv;
mod json;

use ::arrow::array::RecordBatch;
use bytes::Bytes;

use crate::answers::Answers;
use crate::media::Media;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::rows::Rows;

/// The records of a body.
pub(crate) fn read<'a>(
    media: Media,
    body: &'a Bytes,
    reading: Reading<'_>,
) -> Result<Rows<'a>, Problem> {
    match media {
        Media::Json => json::read(body, reading),
        Media::Csv => csv::read(body, reading),
        Media::Arrow => arrow::read(body, reading),
    }
}

/// How many bytes of text would be as much work as a body; none if only reading it tells.
pub(crate) fn work(media: Media, body: &[u8]) -> Option<usize> {
    match media {
        Media::Json | Media::Csv => Some(body.len()),
        Media::Arrow => arrow::work(body),
    }
}

/// The records of columns in memory.
pub(crate) fn of_batch<'a>(batch: &RecordBatch, reading: Reading<'_>) -> Result<Rows<'a>, Problem> {
    arrow::of_batch(batch, reading)
}

/// The answers about records, in bytes.
pub(crate) fn write(media: Media, answers: &Answers<'_>) -> Result<Vec<u8>, Problem> {
    let written = match media {
        Media::Json => json::write(answers).map_err(|error| error.to_string()),
        Media::Csv => csv::write(answers).map_err(|error| error.to_string()),
        Media::Arrow => arrow::write(answers).map_err(|error| error.to_string()),
    };
    written.map_err(|error| Problem::not_written(media.name(), &error))
}

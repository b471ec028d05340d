//! The formats of files. A new format is one file beside these and one line in [`FORMATS`].

mod csv;
mod file_format;
mod json;
mod json_pieces;
mod parquet;

use std::path::Path;

pub(crate) use self::csv::{Csv, open as open_csv};
pub(crate) use self::file_format::{FileFormat, ToImport};
pub(crate) use self::parquet::NAME as PARQUET;
use crate::Error;
use crate::input::{Input, Packing, Reads};

/// Every format that can be imported.
const FORMATS: [&dyn FileFormat; 3] = [&Csv, &json::Json, &parquet::Parquet];

const GZIP: &[u8] = &[0x1f, 0x8b];

/// How a file begins that is UTF-16, with the smaller or the larger byte first.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Tells the format of a file by the ending of its name, and checks it against the first bytes. The first bytes of a pipe
/// alone tell its format.
pub(crate) fn of(path: &Path, reads: Reads) -> Result<(Input, &'static dyn FileFormat), Error> {
    let mut input = Input::of(path, reads)?;
    let format = if input.is_pipe() {
        by_content(&input)?
    } else {
        by_name(&mut input)?
    };
    if format.magic().is_none() {
        let begin = input.begin(|bytes| bytes.len() >= 2)?;
        if UTF_16.iter().any(|mark| begin.starts_with(mark)) {
            let reason = "it is UTF-16; convert it, such as with `iconv -f UTF-16 -t UTF-8`";
            return Err(input.wrong(reason));
        }
    }
    Ok((input, format))
}

fn by_content(input: &Input) -> Result<&'static dyn FileFormat, Error> {
    let head = input.head()?;
    let is =
        |format: &&&dyn FileFormat| format.magic().is_some_and(|magic| head.starts_with(magic));
    if let Some(format) = FORMATS.iter().find(is) {
        return Ok(*format);
    }
    Ok(match input.first_byte()? {
        Some(b'{' | b'[') => &json::Json,
        _ => &Csv,
    })
}

fn by_name(input: &mut Input) -> Result<&'static dyn FileFormat, Error> {
    let name = input.path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_lowercase();
    let (name, packing) = match name.strip_suffix(".gz") {
        Some(name) => (name, Packing::Gzip),
        None => (name.as_str(), Packing::Plain),
    };
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let fits = |format: &&&dyn FileFormat| {
        format.endings().contains(&ending)
            && (packing == Packing::Plain || format.magic().is_none())
    };
    let Some(format) = FORMATS.iter().find(fits) else {
        return Err(input.wrong(endings()));
    };
    let head = input.head()?;
    // A file without a byte is a text without a record, packed or not.
    if head.is_empty() && format.magic().is_none() {
        return Ok(*format);
    }
    input.packing = packing;
    match wrong_start(*format, packing, &head) {
        Some(reason) => Err(input.wrong(reason)),
        None => Ok(*format),
    }
}

fn wrong_start(format: &dyn FileFormat, packing: Packing, first: &[u8]) -> Option<String> {
    if packing == Packing::Gzip {
        let reason = "it is named .gz and is not packed by gzip; rename it";
        return (!first.starts_with(GZIP)).then(|| reason.to_owned());
    }
    if let Some(magic) = format.magic() {
        let name = format.name();
        return (!first.starts_with(magic))
            .then(|| format!("it is named .{name} and is not a {name} file; rename it"));
    }
    let is = |other: &&&dyn FileFormat| other.magic().is_some_and(|magic| first.starts_with(magic));
    if let Some(other) = FORMATS.iter().find(is) {
        let name = other.name();
        return Some(format!("it is a {name} file; rename it to .{name}"));
    }
    let reason = "it is packed by gzip; add .gz to its name";
    first.starts_with(GZIP).then(|| reason.to_owned())
}

/// A text that lists the endings that a name may have.
fn endings() -> String {
    let list = |is_text: bool| {
        let formats = FORMATS.iter().filter(|f| f.magic().is_none() == is_text);
        let endings = formats.flat_map(|f| f.endings()).map(|e| format!(".{e}"));
        endings.collect::<Vec<_>>().join(", ")
    };
    format!(
        "the name must end in {} (each also with .gz), or {}",
        list(true),
        list(false)
    )
}

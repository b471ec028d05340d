//! The formats of files. A new format is one file beside these and one line in [`FORMATS`].

mod csv;
mod file_format;
mod json_lines;
mod parquet;
mod tee;

use std::path::Path;

pub(crate) use self::csv::{Csv, open as open_csv};
pub(crate) use self::file_format::{FileFormat, ToImport};
use crate::Error;
use crate::input::{Input, Packing};

/// Every format that can be imported.
const FORMATS: [&dyn FileFormat; 3] = [&Csv, &json_lines::JsonLines, &parquet::Parquet];

const GZIP: &[u8] = &[0x1f, 0x8b];

/// Tells the format of a file by its name's ending, and checks it against the first bytes.
pub(crate) fn of(path: &Path) -> Result<(Input, &'static dyn FileFormat), Error> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
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
        return Err(Error::usage(path.display(), endings()));
    };
    let input = Input {
        path: path.to_owned(),
        packing,
    };
    match wrong_start(*format, packing, &input.first_bytes()?) {
        Some(reason) => Err(input.wrong(reason)),
        None => Ok((input, *format)),
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
    if first.starts_with(GZIP) {
        return Some("it is packed by gzip; add .gz to its name".to_owned());
    }
    format.wrong_start(first).map(str::to_owned)
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

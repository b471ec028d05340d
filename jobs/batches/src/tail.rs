//! Reads one footer from the end of one file.

use gugus_files::{ParquetEnd, Store};
use gugus_spec::BatchNumber;

use crate::{
    Footer, LogError,
    footer::{FOOTER_KEY, FOOTER_VERSION},
};

/// The footer of a batch; `None` if there is no such file.
pub(crate) async fn read_footer(
    store: &Store,
    number: BatchNumber,
) -> Result<Option<Footer>, LogError> {
    let read = read_with_size(store, number).await?;
    Ok(read.map(|(footer, _)| footer))
}

/// The footer of a batch, and the bytes of its file; `None` if there is no such file.
pub(crate) async fn read_with_size(
    store: &Store,
    number: BatchNumber,
) -> Result<Option<(Footer, u64)>, LogError> {
    let name = number.file_name();
    let unreadable = |source| LogError::unreadable(store.display(&name), source);
    let mut tail = match store.tail(&name, ParquetEnd::FIRST_READ).await {
        Ok(tail) => tail,
        Err(e) if e.is_not_found() => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let needed = ParquetEnd::length(&tail).map_err(unreadable)?;
    if needed > tail.bytes.len() as u64 {
        tail = match store.tail(&name, needed).await {
            Ok(tail) => tail,
            Err(e) if e.is_not_found() => return Ok(None),
            Err(e) => return Err(e.into()),
        };
    }
    let end = ParquetEnd::read(&tail).map_err(unreadable)?;
    let footer = footer_of(&store.display(&name), number, &end)?;
    Ok(Some((footer, tail.size)))
}

/// Reads the footer from the end of a file, and checks what can be checked of a footer alone.
pub(crate) fn footer_of(
    file: &str,
    number: BatchNumber,
    end: &ParquetEnd,
) -> Result<Footer, LogError> {
    let entries = end.metadata.file_metadata().key_value_metadata();
    let entries = entries.into_iter().flatten();
    let text = entries
        .filter(|entry| entry.key == FOOTER_KEY)
        .find_map(|entry| entry.value.as_deref());
    let text = text.ok_or_else(|| LogError::NotABatch {
        file: file.to_owned(),
    })?;
    let wrong = |source| LogError::FooterText {
        file: file.to_owned(),
        source,
    };
    // The version first: a newer format may lack keys that this one needs.
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } = serde_json::from_str(text).map_err(wrong)?;
    if version > FOOTER_VERSION {
        return Err(LogError::FooterVersion {
            file: file.to_owned(),
            version,
        });
    }
    let mut footer: Footer = serde_json::from_str(text).map_err(wrong)?;
    footer.hash = end.seal.as_ref().map(|seal| seal.footer().to_owned());
    if footer.number != number {
        return Err(LogError::Misnumbered {
            file: file.to_owned(),
            number: footer.number,
        });
    }
    Ok(footer)
}

//! Reads one footer from the end of one file.

use bytes::Bytes;
use gugus_files::{Store, catch_panic};
use gugus_spec::BatchNumber;
use parquet::{
    errors::ParquetError,
    file::metadata::{FileMetaData, FooterTail, ParquetMetaDataReader},
};

use crate::{
    Footer, LogError,
    footer::{FOOTER_KEY, FOOTER_VERSION},
};

/// How many bytes of a file's end are read at first. A file of thirty columns has about 10 KiB of metadata in one row
/// group, so this is nearly always enough, and a network still sends it at once.
const FIRST_READ: u64 = 64 * 1024;

/// The length of the end of every Parquet file: the length of the metadata, and `PAR1`.
const TAIL: usize = 8;

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
    let damaged = |source| LogError::Damaged {
        file: store.display(&name),
        source,
    };
    let mut tail = match store.tail(&name, FIRST_READ).await {
        Ok(tail) => tail,
        Err(e) if e.is_not_found() => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let length = metadata_length(&tail.bytes).map_err(damaged)?;
    let needed = length as u64 + TAIL as u64;
    if needed > tail.size {
        return Err(damaged(ParquetError::EOF(format!(
            "metadata of {length} bytes in a file of {}",
            tail.size
        ))));
    }
    if needed > tail.bytes.len() as u64 {
        tail = match store.tail(&name, needed).await {
            Ok(tail) => tail,
            Err(e) if e.is_not_found() => return Ok(None),
            Err(e) => return Err(e.into()),
        };
    }
    let start = tail.bytes.len().saturating_sub(length + TAIL);
    let end = tail.bytes.len().saturating_sub(TAIL);
    let metadata = tail.bytes.slice(start..end);
    let metadata = catch_panic(|| ParquetMetaDataReader::decode_metadata(&metadata));
    let metadata = metadata.map_err(damaged)?;
    let footer = footer_of(&store.display(&name), number, metadata.file_metadata())?;
    Ok(Some((footer, tail.size)))
}

/// The length of the metadata, from the last bytes of a file.
fn metadata_length(bytes: &Bytes) -> Result<usize, ParquetError> {
    let last = bytes
        .len()
        .checked_sub(TAIL)
        .and_then(|start| bytes.get(start..));
    let last: &[u8; TAIL] = last
        .and_then(|last| last.try_into().ok())
        .ok_or_else(|| ParquetError::EOF(format!("a file of {} bytes", bytes.len())))?;
    Ok(FooterTail::try_new(last)?.metadata_length())
}

/// Reads the footer from a file's metadata, and checks what can be checked of a footer alone.
pub(crate) fn footer_of(
    file: &str,
    number: BatchNumber,
    metadata: &FileMetaData,
) -> Result<Footer, LogError> {
    let entries = metadata.key_value_metadata().into_iter().flatten();
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
    let footer: Footer = serde_json::from_str(text).map_err(wrong)?;
    if footer.number != number {
        return Err(LogError::Misnumbered {
            file: file.to_owned(),
            number: footer.number,
        });
    }
    Ok(footer)
}

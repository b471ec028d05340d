//! Reading one footer: the end of one file, and nothing else.

use bytes::Bytes;
use gugus_files::{Store, catch_panic};
use gugus_spec::BatchNumber;
use parquet::{
    errors::ParquetError,
    file::metadata::{FooterTail, ParquetMetaDataReader},
};

use crate::{
    Footer, LogError,
    footer::{FOOTER_KEY, FOOTER_VERSION},
};

/// What is read of a file's end at first. A file of thirty columns has about 10 KiB of metadata in one row group, so
/// this is nearly always enough, and still one packet train on a network.
const FIRST_READ: u64 = 64 * 1024;

/// Length of what ends every Parquet file: the length of the metadata, and `PAR1`.
const TAIL: usize = 8;

/// The footer of a batch; `None` when there is no such file.
pub(crate) async fn read_footer(
    store: &Store,
    number: BatchNumber,
) -> Result<Option<Footer>, LogError> {
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
    footer_of_metadata(&store.display(&name), number, &tail.bytes.slice(start..end)).map(Some)
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

fn footer_of_metadata(
    file: &str,
    number: BatchNumber,
    metadata: &[u8],
) -> Result<Footer, LogError> {
    let metadata =
        catch_panic(|| ParquetMetaDataReader::decode_metadata(metadata)).map_err(|source| {
            LogError::Damaged {
                file: file.to_owned(),
                source,
            }
        })?;
    let entries = metadata.file_metadata().key_value_metadata();
    let text = entries
        .into_iter()
        .flatten()
        .find(|entry| entry.key == FOOTER_KEY)
        .and_then(|entry| entry.value.as_deref());
    footer_of_text(file, number, text)
}

/// Checks what can be checked of a footer alone.
pub(crate) fn footer_of_text(
    file: &str,
    number: BatchNumber,
    text: Option<&str>,
) -> Result<Footer, LogError> {
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

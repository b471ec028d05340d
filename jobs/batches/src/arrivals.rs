//! Which batches came since a reader looked last.
//!
//! Batches are numbered without gaps. So the reader asks for the next number by name, and never lists the folder: one more
//! batch costs the same in a folder of ten batches and in a folder of a million.

use futures::{StreamExt, TryStreamExt, stream};
use gugus_files::Store;
use gugus_spec::BatchNumber;

use crate::{BatchFile, Footer, LogError, log::FOOTERS_AT_ONCE, tail};

/// The most batches of one answer, because footers are large. A reader that gets as many asks again.
pub const MOST_ARRIVALS: usize = 1_000;

/// What became of a log since a reader looked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// These batches came, in order. There may be none. If there are [`MOST_ARRIVALS`], there may be more.
    Batches(Vec<(BatchFile, Footer)>),
    /// The batch that was the newest is gone: it was pruned, or the folder is another one. Read the whole log again.
    Gone,
}

/// The batches after `newest`, each footer read once. Without new batches, this takes two requests.
///
/// # Errors
/// Those of reading the first footer. A footer that cannot be read after others ends the answer.
pub async fn arrivals(store: &Store, newest: BatchNumber) -> Result<Arrivals, LogError> {
    let (mut found, mut next, mut at_once) = (Vec::new(), newest.next(), 1);
    while found.len() < MOST_ARRIVALS {
        let numbers = std::iter::successors(Some(next), |number| Some(number.next()));
        let numbers: Vec<BatchNumber> = numbers.take(at_once).collect();
        let read = stream::iter(&numbers).map(|number| tail::read_with_size(store, *number));
        let mut read = std::pin::pin!(read.buffered(FOOTERS_AT_ONCE));
        let before = found.len();
        loop {
            match read.try_next().await {
                Ok(Some(Some((footer, size)))) => found.push((file(store, next, size), footer)),
                Ok(_) => break,
                Err(error) if found.is_empty() => return Err(error),
                Err(_) => return Ok(Arrivals::Batches(found)),
            }
            next = next.next();
        }
        if found.len() - before < at_once {
            break;
        }
        // There were many, so there may be many more.
        at_once = (2 * at_once)
            .min(FOOTERS_AT_ONCE)
            .min(MOST_ARRIVALS - found.len());
    }
    if found.is_empty() && !store.exists(&newest.file_name()).await? {
        return Ok(Arrivals::Gone);
    }
    Ok(Arrivals::Batches(found))
}

fn file(store: &Store, number: BatchNumber, size: u64) -> BatchFile {
    BatchFile {
        number,
        path: store.object_path(&number.file_name()),
        size,
    }
}

//! Reads a Parquet file and checks each byte before a decoder sees it.
//!
//! Training reads few columns, and a file has a hash for each column chunk. So this reader hashes only bytes that training
//! reads anyway. Points in an executor's cache were checked when they were read.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::{self, ObjectStore};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as Read};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use gugus_files::{Altered, Pages, PagesTooLarge, ParquetEnd, Seal, Tail};

use super::buffers::Buffers;

/// Reads files as DataFusion does, and checks what it reads.
#[derive(Debug)]
pub(super) struct CheckedFiles {
    plain: DefaultParquetFileReaderFactory,
    /// For files of the local file system.
    buffers: Option<Arc<Buffers>>,
}

impl CheckedFiles {
    /// Files of the store at `url`. Those of the local file system are read into memory that `buffers` lend, if there are any. They are
    /// read past the store, which is that of the whole file system.
    pub(super) fn new(
        url: &ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
        buffers: Option<Arc<Buffers>>,
    ) -> Self {
        let is_local = *url == ObjectStoreUrl::local_filesystem();
        Self {
            plain: DefaultParquetFileReaderFactory::new(store),
            buffers: buffers.filter(|_| is_local),
        }
    }
}

impl ParquetFileReaderFactory for CheckedFiles {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let about = &file.object_meta;
        let (size, path) = (about.size, about.location.to_string());
        let local = self.buffers.as_ref().and_then(|buffers| {
            let path = LocalFileSystem::new().path_to_filesystem(&about.location);
            Some((path.ok()?, Arc::clone(buffers)))
        });
        let plain = self
            .plain
            .create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(CheckedFile {
            plain,
            local,
            size,
            path,
            end: None,
        }))
    }
}

/// One file.
struct CheckedFile {
    plain: Box<dyn AsyncFileReader + Send>,
    /// The path and the memory of a local file.
    local: Option<(PathBuf, Arc<Buffers>)>,
    size: u64,
    path: String,
    /// The metadata and the hashes, once they were read.
    end: Option<ParquetEnd>,
}

/// A file is not as it was written.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not as it was written ({altered}); restore it from a copy")]
struct AlteredFile {
    path: String,
    altered: Altered,
}

/// The store of a file does not give it.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read: {source}")]
pub struct StoreFails {
    /// The file, as its store names it.
    pub path: String,
    /// What the store says.
    pub source: object_store::Error,
}

impl CheckedFile {
    /// The end of the file. It is read once.
    async fn end(&mut self) -> Read<&ParquetEnd> {
        let end = match self.end.take() {
            Some(end) => end,
            None => self.read_end().await.map_err(|e| self.named(e))?,
        };
        Ok(self.end.insert(end))
    }

    async fn read_end(&mut self) -> Read<ParquetEnd> {
        let mut tail = self.tail(ParquetEnd::FIRST_READ).await?;
        let needed = ParquetEnd::length(&tail)?;
        if needed > tail.bytes.len() as u64 {
            tail = self.tail(needed).await?;
        }
        ParquetEnd::read(&tail)
    }

    async fn tail(&mut self, length: u64) -> Read<Tail> {
        let start = self.size.saturating_sub(length);
        Ok(Tail {
            bytes: self.plain.get_bytes(start..self.size).await?,
            size: self.size,
        })
    }

    async fn checked(&mut self, ranges: Vec<Range<u64>>) -> Read<Vec<Bytes>> {
        let seal = self.end().await?.seal.clone();
        let read = self.read_ranges(seal, ranges).await;
        read.map_err(|error| self.named(error))
    }

    async fn read_ranges(
        &mut self,
        seal: Option<Arc<Seal>>,
        ranges: Vec<Range<u64>>,
    ) -> Read<Vec<Bytes>> {
        let Some(seal) = seal else {
            return self.parts(ranges).await;
        };
        let whole: Vec<_> = ranges.iter().map(|range| seal.around(range)).collect();
        let read = self.parts(whole.clone()).await?;
        let parts = ranges.iter().zip(whole.iter().zip(read));
        parts
            .map(|(range, (whole, bytes))| part(&seal, range, whole, &bytes))
            .collect()
    }

    /// Some parts of the file, as they are.
    async fn parts(&mut self, parts: Vec<Range<u64>>) -> Read<Vec<Bytes>> {
        if let Some((path, buffers)) = self.local.clone() {
            let wanted = parts.clone();
            let read = tokio::task::spawn_blocking(move || buffers.read(&path, &wanted)).await;
            if let Ok(Ok(read)) = read {
                return Ok(read);
            }
            // The store says what is wrong.
        }
        self.plain.get_byte_ranges(parts).await
    }

    /// Puts the file's name into an error that does not have it.
    fn named(&self, error: ParquetError) -> ParquetError {
        let path = self.path.clone();
        let unnamed = !gugus_error::chain(&error).contains(&path);
        let error = match error {
            ParquetError::External(large) if large.is::<PagesTooLarge>() => {
                return ParquetError::General(format!("{path}: {large}"));
            }
            ParquetError::External(error) => error,
            ParquetError::General(text) | ParquetError::EOF(text) if unnamed => {
                return ParquetError::General(format!("{path}: {text}"));
            }
            other => return other,
        };
        ParquetError::External(match error.downcast::<Altered>() {
            Ok(altered) => Box::new(AlteredFile {
                path,
                altered: *altered,
            }),
            Err(error) if unnamed => match error.downcast::<object_store::Error>() {
                Ok(source) => Box::new(StoreFails {
                    path,
                    source: *source,
                }),
                Err(other) => other,
            },
            Err(named) => named,
        })
    }
}

/// Checks the bytes of whole pieces, and takes a range out of them.
fn part(seal: &Seal, range: &Range<u64>, whole: &Range<u64>, bytes: &Bytes) -> Read<Bytes> {
    seal.check(whole, bytes)?;
    let (start, end) = (range.start - whole.start, range.end - whole.start);
    match end <= bytes.len() as u64 {
        true => Ok(bytes.slice(start as usize..end as usize)),
        false => Err(ParquetError::EOF("the file is cut off".to_owned())),
    }
}

impl AsyncFileReader for CheckedFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Read<Bytes>> {
        async move {
            let read = self.checked(vec![range]).await?.pop();
            read.ok_or_else(|| ParquetError::EOF("nothing was read".to_owned()))
        }
        .boxed()
    }

    /// Column chunks of one row group, which are then unpacked side by side.
    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Read<Vec<Bytes>>> {
        async move {
            let chunks = self.checked(ranges).await?;
            let mut pages = Pages::of_file(self.size);
            for chunk in &chunks {
                let added = pages.add(chunk, 0..chunk.len() as u64);
                added.map_err(|error| self.named(error))?;
            }
            Ok(chunks)
        }
        .boxed()
    }

    /// Page indexes are not read. They serve predicates, and these scans have none.
    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Read<Arc<ParquetMetaData>>> {
        async move { Ok(Arc::clone(&self.end().await?.metadata)) }.boxed()
    }
}

//! A wrapper of the client, which hides secrets.

use std::{fmt, sync::Arc};

use super::{
    errors::{self, Spot},
    location::SCHEME,
};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, UploadPart, aws::AmazonS3, path::Path,
};

/// One bucket, whose errors and texts hold no secret.
///
/// The client prints its settings under `Debug`, and its errors quote whole answers and urls. A query engine that
/// reads our batches through this passes such errors on to whoever asked, so they are replaced here and not by callers.
pub(super) struct Bucket {
    s3: AmazonS3,
    spot: Arc<Spot>,
}

impl Bucket {
    /// `hidden` are texts that no error may hold.
    pub(super) fn new(s3: AmazonS3, name: &str, endpoint: String, hidden: Vec<String>) -> Self {
        let spot = Arc::new(Spot {
            bucket: name.to_owned(),
            endpoint,
            hidden,
        });
        Self { s3, spot }
    }

    fn hushed<'a>(
        &self,
        stream: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'a, Result<ObjectMeta>>
    where
        Self: 'a,
    {
        let spot = Arc::clone(&self.spot);
        stream.map_err(move |e| errors::replaced(e, &spot)).boxed()
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}", self.spot.bucket)
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({self} at {})", self.spot.endpoint)
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let creating = options.mode == PutMode::Create;
        let put = self.s3.put_opts(location, payload, options).await;
        put.map_err(|e| {
            // Two creations of one name at the same time: the store asks to come again and has decided nothing, where
            // the client says that the name is taken.
            let undecided =
                creating && matches!(e, Error::AlreadyExists { .. }) && errors::is_conflict(&e);
            let replaced = errors::replaced(e, &self.spot);
            match replaced {
                Error::AlreadyExists { source, .. } if undecided => Error::Generic {
                    store: errors::STORE,
                    source,
                },
                other => other,
            }
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.s3.put_multipart_opts(location, options).await;
        let inner = upload.map_err(|e| errors::replaced(e, &self.spot))?;
        let spot = Arc::clone(&self.spot);
        Ok(Box::new(Upload { inner, spot }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.s3.get_opts(location, options).await;
        let mut got = got.map_err(|e| errors::replaced(e, &self.spot))?;
        // Errors may come after the first byte, too.
        if let GetResultPayload::Stream(bytes) = got.payload {
            let spot = Arc::clone(&self.spot);
            let hushed = bytes.map_err(move |e| errors::replaced(e, &spot));
            got.payload = GetResultPayload::Stream(hushed.boxed());
        }
        Ok(got)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let spot = Arc::clone(&self.spot);
        let deleted = self.s3.delete_stream(locations);
        deleted.map_err(move |e| errors::replaced(e, &spot)).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.hushed(self.s3.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.hushed(self.s3.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let listed = self.s3.list_with_delimiter(prefix).await;
        listed.map_err(|e| errors::replaced(e, &self.spot))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let copied = self.s3.copy_opts(from, to, options).await;
        copied.map_err(|e| errors::replaced(e, &self.spot))
    }
}

/// A large object on its way. None of ours is that large, but who gets the bucket for an engine may write others.
struct Upload {
    inner: Box<dyn MultipartUpload>,
    spot: Arc<Spot>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({:?})", self.spot)
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, spot) = (self.inner.put_part(data), Arc::clone(&self.spot));
        Box::pin(async move { part.await.map_err(|e| errors::replaced(e, &spot)) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let completed = self.inner.complete().await;
        completed.map_err(|e| errors::replaced(e, &self.spot))
    }

    async fn abort(&mut self) -> Result<()> {
        let aborted = self.inner.abort().await;
        aborted.map_err(|e| errors::replaced(e, &self.spot))
    }
}

//! A request for predictions, from its headers to its answer.

use bytes::Bytes;
use gugus_clusters::{Explain, Predictions};
use warp::http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::reply::Response;

use crate::answers::{About, Answers};
use crate::encoding::Encoding;
use crate::formats;
use crate::loaded::Loaded;
use crate::media::Media;
use crate::options::Options;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::rows::Shape;
use crate::state::State;

/// What came, before anything of it was looked at. An answer names a wrong path before a wrong header, and a wrong header
/// before a wrong body.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) path: FullPath,
    pub(crate) headers: HeaderMap,
    pub(crate) query: String,
    pub(crate) body: Result<Bytes, Problem>,
}

/// A request whose headers were understood.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) options: Options,
    media: Media,
    encoding: Encoding,
    answer: Media,
    /// What the answer may be compressed by.
    accepted: Encoding,
    body: Bytes,
    /// The longest body in bytes, before and after it is unpacked.
    limit: usize,
    max_rows: usize,
}

impl Request {
    /// Reads headers and query.
    pub(crate) fn new(sent: Sent, state: &State) -> Result<Self, Problem> {
        let media = Media::of_body(&sent.headers)?;
        let answer = Media::of_answer(&sent.headers, media);
        Self::of(sent, media, answer, state)
    }

    /// As [`Self::new`], for a path that takes and gives JSON only.
    pub(crate) fn json(sent: Sent, state: &State) -> Result<Self, Problem> {
        Media::only_json(&sent.headers)?;
        Self::of(sent, Media::Json, Media::Json, state)
    }

    fn of(sent: Sent, media: Media, answer: Media, state: &State) -> Result<Self, Problem> {
        let headers = &sent.headers;
        Ok(Self {
            media,
            encoding: Encoding::of_body(headers)?,
            answer,
            accepted: Encoding::of_answer(headers),
            options: Options::parse(&sent.query)?,
            body: sent.body?,
            limit: state.body_limit,
            max_rows: state.max_rows,
        })
    }

    /// How much work the body is, if that is known: in bytes of text. A short body that has to be unpacked may hold much.
    pub(crate) fn work(&self) -> Option<usize> {
        if self.encoding != Encoding::Identity {
            return None;
        }
        formats::work(self.media, &self.body)
    }

    /// The body, unpacked.
    pub(crate) fn body(&self) -> Result<Bytes, Problem> {
        self.encoding.decode(self.body.clone(), self.limit)
    }

    /// Predicts the records of the body. This may take long.
    pub(crate) fn predict(&self, model: &Loaded) -> Result<Response, Problem> {
        let body = self.body()?;
        let reading = Reading {
            input: &model.input,
            dimensions: model.predictor.dimensions(),
            strictness: self.options.strictness,
            limit: self.limit,
            max_rows: self.max_rows,
        };
        let rows = formats::read(self.media, &body, reading)?;
        let shape = rows.shape;
        let predictions = model.predict(rows, self.options.explain)?;
        self.answered(predictions, shape, model)
    }

    /// The answer in the form that was asked for.
    pub(crate) fn answered(
        &self,
        predictions: Predictions,
        shape: Shape,
        model: &Loaded,
    ) -> Result<Response, Problem> {
        model
            .tally
            .count(predictions.labels.iter().copied().map(i64::from));
        let about = (self.options.explain == Explain::Yes).then(|| About::from(model));
        let answers = Answers::new(predictions, shape, about);
        let content = formats::write(self.answer, &answers)?;
        let mut response = self.accepted.answer(self.answer.name(), content);
        model.names.put(&mut response);
        Ok(response)
    }
}

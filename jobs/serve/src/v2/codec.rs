//! Messages of gRPC to bytes and back.
//!
//! tonic's own codec calls a message that cannot be read an internal error. Such a message is the caller's mistake.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Reads messages `Q` and writes messages `A`.
pub(super) struct Wire<Q, A>(PhantomData<fn(Q) -> A>);

impl<Q, A> Default for Wire<Q, A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Q, A> Codec for Wire<Q, A>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    type Encode = A;
    type Decode = Q;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<Q, A: Message> Encoder for Wire<Q, A> {
    type Item = A;
    type Error = Status;

    fn encode(&mut self, message: A, bytes: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message
            .encode(bytes)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl<Q: Message + Default, A> Decoder for Wire<Q, A> {
    type Item = Q;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Q>, Status> {
        Q::decode(bytes).map(Some).map_err(|error| {
            Status::invalid_argument(format!(
                "the message cannot be read as one of this method: {error}"
            ))
        })
    }
}

//! The REST service: it answers to which cluster a record belongs, by the models of a store.
//!
//! [`run`] is the whole service over a socket that the caller owns. The OpenAPI document at `/openapi.json` ([`openapi`])
//! describes routes, bodies and answers, and Swagger UI shows them at `/docs`.
//!
//! # What it guarantees
//! * **A record is read as in training.** It is parsed by the rules of ingest and goes through the expressions that were saved
//!   with the model, by the code that evaluated them in training.
//! * **An answer or an error, never both.** A success is a 2xx with the answer. An error is an object of `error`, a text that
//!   stays the same, and `detail`, which says what is wrong and where. The status is 400 for a body that cannot be read, 404
//!   for an unknown path, model or batch, 405 with `Allow`, 413, 415 for a content type that is not read, 422 for a missing
//!   or wrong field, and 503 if the store of models fails or the service
//!   is busy. Of several records, all are answered or none; the error names the
//!   wrong one by its index.
//! * **One meaning in all forms.** JSON, CSV and Arrow become the same columns, and the same code predicts them.
//! * **Nothing leaks.** No answer holds a path of the machine, and no name from a request reaches the store unless a
//!   listing of the store has it.
//! * **A folder that cannot be served is named.** `GET /models` lists it with the reason. `latest` means the newest model that
//!   can be served, and the headers of an answer name the model that gave it.
//! * **It notices retrained models.** The service compares its listing and each model in use with the store, at most once a
//!   second. It reads a replaced model again.
//! * **Memory is bounded.** Bodies, before and after they are unpacked, the columns made of them, the requests that are
//!   answered at a time, and the models in memory have limits ([`Config`], [`Guards`]).
//! * **Nobody gets round the guards.** Token, limits, id and count of a request stand before all routes ([`Guards`]). Only the
//!   paths of health are open.
//!
//! # What it is not
//! It trains nothing and writes nothing. It has one token and no users: a proxy before it can tell people apart.
//!
//! # Why not otherwise
//! *`warp::serve`* logs a client that hangs up as an error, and has neither timeouts nor a bounded end. So the filters become a
//! service, and hyper-util serves it, as warp does inside.
//!
//! *A watch on the folder* would notice a new model sooner, but it works only on local file systems, and not on all of them.
//!
//! # Example
//! ```
//! use gugus_serve::Config;
//! use gugus_files::Store;
//! use tokio_util::sync::CancellationToken;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let shutdown = CancellationToken::new();
//! let stop = shutdown.clone();
//! let ready = move |address: std::net::SocketAddr| {
//!     println!("ready rest=http://{address}");
//!     stop.cancel(); // an example must end
//! };
//! gugus_serve::run(listener, Config::new(Store::in_memory()), ready, shutdown).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```

mod answers;
mod api;
mod asked;
mod body;
mod busy;
mod catalogue;
mod config;
mod encoding;
mod examined;
mod formats;
mod guards;
mod input;
mod loaded;
mod media;
mod metrics;
mod model_metrics;
mod names;
mod options;
mod pages;
mod predict;
mod problem;
mod records;
mod reply;
mod request;
mod route;
mod routes;
mod rows;
mod server;
mod state;
mod strict;
mod tally;
mod unloaded;
mod v2;

pub use config::{
    BODY_LIMIT, CACHED_MODELS, Config, MAX_ROWS, PREDICT_CLUSTER_MODELS, UnknownColumns,
};
pub use guards::settings::{
    AccessLog, Guards, IN_FLIGHT, ParseRootPathError, QUEUED, REQUEST_TIME, RootPath,
};
pub use routes::document as openapi;
pub use server::{Error, run};

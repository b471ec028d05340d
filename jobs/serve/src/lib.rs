//! The service of predictions: it answers to which cluster a record belongs, by the models of a store. It speaks REST, and the
//! Open Inference Protocol over REST and gRPC.
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
//!   or wrong field, and 503 if the store of models fails or the service is busy. Of several records, all are answered or
//!   none; the error names the wrong one by its index.
//! * **One meaning in all forms.** JSON, CSV and Arrow become the same columns, and the same code predicts them.
//! * **Nothing leaks.** No answer holds a path of the machine, and no name from a request reaches the store unless a
//!   listing of the store has it.
//! * **A folder that cannot be served is named.** `GET /models` lists it with the reason. `latest` means the newest model that
//!   can be served, and the headers of an answer name the model that gave it.
//! * **It notices changes.** The service looks at a folder when the system tells that the folder changed. Every store is also looked through once in [`Config::poll`], or in ten times as long as that takes. A model in use
//!   is compared with its folder once in `poll`. No request waits for a listing, except for the first one. Most
//!   predictions do not even wait for that one, because the names of a model's own folders tell enough.
//! * **A good model answers on.** While a model is written again, the one in memory answers, until the new one is ready. If the
//!   new one cannot be read, the one in memory goes on to answer for its batch, and `GET /models` names the reason. Only a
//!   model that is removed ends, with 404.
//! * **An alias means one model.** It answers with the model that it stands for, or with 404 if that model is gone. It never
//!   answers with another one.
//! * **Memory is bounded.** Bodies, before and after they are unpacked, the columns made of them, and the requests that are
//!   answered at a time have limits. The models in memory take no more than [`Config::cache_size`] bytes ([`Config`], [`Guards`]).
//! * **Nobody gets round the guards.** Sites, token, limits, id and count of a request stand before all routes ([`Guards`]).
//!   Sites, token, limits and count stand before gRPC, too. Only the paths of health are open to callers without the token.
//! * **Pages of other sites change nothing.** Such a page can make a browser send requests. `serve` takes only GET from pages of
//!   sites that were not named. On loopback without a token, `serve` answers to its own names alone.
//!
//! # What it is not
//! It trains nothing and writes nothing. It has one token and no users: a proxy before it can tell people apart.
//!
//! # Why not otherwise
//! *`warp::serve`* logs a client that hangs up as an error, and has neither timeouts nor a bounded end. So the filters become a
//! service, and hyper-util serves it, as warp does inside.
//!
//! *A watch on the folder alone* would miss what nobody tells: changes in a bucket, on a network file system, or in more folders
//! than the system watches. *Looking through the store alone* would notice a new model only at the next look, and a look
//! takes longer the more folders there are. So both are done.
//!
//! *A preloaded copy of each model* would take memory for models that nobody asks. Only the next `latest` and the models of
//! aliases that moved are read ahead, because clients ask them next.
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

mod alias_files;
mod answers;
mod api;
mod asked;
mod body;
mod busy;
mod catalogue;
mod compared;
mod config;
mod early;
mod encoding;
mod examined;
mod formats;
mod guards;
mod input;
mod keeper;
mod listing;
mod loaded;
mod media;
mod memory;
mod metrics;
mod model_metrics;
mod names;
mod options;
mod pages;
mod point;
mod predict;
mod problem;
mod reading;
mod records;
mod reply;
mod request;
mod route;
mod routes;
mod rows;
mod server;
mod state;
mod stock;
mod strict;
mod tally;
mod unloaded;
mod unusable;
mod v2;
mod weight;

pub use config::{
    BODY_LIMIT, CACHE_SIZE, Config, MAX_ROWS, POLL, PREDICT_CLUSTER_MODELS, UnknownColumns,
};
pub use guards::settings::{
    AccessLog, Guards, IN_FLIGHT, ParseRootPathError, QUEUED, REQUEST_TIME, RootPath,
};
pub use routes::document as openapi;
pub use server::{Error, run};

//! The REST service: clusters of records, by k-means models that lie in a store.
//!
//! [`run`] is the whole service over a socket that the caller owns. Routes, bodies and answers are described by the OpenAPI
//! document that it serves at `/openapi.json` ([`openapi`]), and shown by Swagger UI at `/docs`.
//!
//! # What it guarantees
//! * **As trained, so asked.** A record is parsed by the rules of ingestion and goes through the expressions that were
//!   saved with the model, evaluated by the code that evaluated them in training.
//! * **An answer or an error, never both.** A success is a 2xx with the answer. Everything else is an object of `error`, a
//!   text that stays the same, and `detail`, which says what is wrong and where: 400 for what is no JSON, 404 for a path,
//!   model or batch that is not there, 405 with `Allow`, 413, 422 for a field that is missing or wrong, 503 when the store
//!   of models fails. Of an array of records all are answered or none, and the wrong one is named by its index.
//! * **Nothing leaks.** No answer holds a path of the machine, and no name from a request reaches the store unless a
//!   listing of the store has it.
//! * **It notices retrained models.** The service looks at the store once a second at most, for the listing and for each
//!   model that is asked. It reads a model again that was replaced.
//! * **A bounded memory.** Bodies, and the models in memory, have limits ([`Config`]).
//!
//! # What it is not
//! It trains nothing and writes nothing. It has no TLS and no users: put a proxy before it. It does not look at the
//! content type of a body, since what is no JSON is found out anyway and `curl -d` sends another.
//!
//! # Why not otherwise
//! *`warp::serve`* logs a client that hangs up as an error and takes neither timeouts nor a bounded end; so the filters
//! become a service, and hyper-util serves it, which is what warp does inside.
//!
//! *A watch on the folder* would notice a new model sooner, but works on local file systems only, and not on all.
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

mod api;
mod asked;
mod body;
mod catalogue;
mod config;
mod loaded;
mod problem;
mod records;
mod reply;
mod route;
mod routes;
mod server;
mod state;

pub use config::{BODY_LIMIT, CACHED_MODELS, Config, PREDICT_CLUSTER_MODELS};
pub use routes::document as openapi;
pub use server::{Error, run};

//! The service on its socket.

use std::net::SocketAddr;
use std::sync::Arc;

use gugus_models::ModelError;
use tokio_util::sync::CancellationToken;
use warp::Filter;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::keeper;
use crate::routes;
use crate::state::State;
use crate::stock::Stock;

/// Why the service could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The socket that was handed over cannot be listened on.
    #[error(transparent)]
    Listen(#[from] gugus_http::Error),
    /// The models cannot be listed.
    #[error("the models cannot be listed; name the folder that holds them")]
    Models(#[source] ModelError),
}

/// Serves until `shutdown`, then finishes the requests in flight, which may take nine seconds.
///
/// `ready` is called once with the address that is listened on, when requests are answered. The models need not be there
/// yet: those that appear later are found.
///
/// # Errors
/// [`Error`], before `ready` was called. Afterwards nothing that clients or the store do ends the service.
pub async fn run(
    listener: std::net::TcpListener,
    config: Config,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let stock = Arc::new(Stock::open(&config).await.map_err(Error::Models)?);
    let watch = config.models.watch(config.poll);
    let ended = shutdown.child_token();
    let _end = ended.clone().drop_guard();
    tokio::spawn(keeper::keep(Arc::clone(&stock), watch, config.poll, ended));
    let catalogue = Arc::new(Catalogue::new(stock, &config));
    let state = Arc::new(State {
        catalogue,
        body_limit: config.body_limit,
        unknown_columns: config.unknown_columns,
        document: routes::document().unwrap_or_default().into(),
        shutdown: shutdown.clone(),
    });
    let tell = |address: SocketAddr| {
        tracing::info!(%address, models = %config.models, "serving");
        ready(address);
    };
    gugus_http::serve(listener, routes::all(state).boxed(), tell, shutdown).await?;
    tracing::info!("ended");
    Ok(())
}

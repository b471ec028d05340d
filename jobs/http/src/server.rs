//! The socket, its connections and their end.

use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use warp::Reply;
use warp::filters::BoxedFilter;

/// How long requests in flight may take once the service is to end. Docker kills after ten seconds.
const GRACE: Duration = Duration::from_secs(9);

/// How long a client may take for the head of a request, and may keep a connection open without one.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// The pause after a failure to accept, most likely because the process has as many open files as it may.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The socket that was handed over cannot be listened on.
    #[error("the socket cannot be used to listen for requests; listen on another address")]
    Listen(#[source] std::io::Error),
}

/// Serves until `shutdown`, then finishes the requests in flight, which may take nine seconds.
///
/// `ready` is called once with the address that is listened on, when requests are answered.
///
/// # Errors
/// [`Error`], before `ready` was called. Afterwards nothing that clients do ends the server.
pub async fn serve<R: Reply + 'static>(
    listener: std::net::TcpListener,
    routes: BoxedFilter<(R,)>,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    listener.set_nonblocking(true).map_err(Error::Listen)?;
    let listener = TcpListener::from_std(listener).map_err(Error::Listen)?;
    let address = listener.local_addr().map_err(Error::Listen)?;
    let service = TowerToHyperService::new(warp::service(routes));

    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME);
    builder.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();

    ready(address);
    loop {
        let stream = tokio::select! {
            () = shutdown.cancelled() => break,
            // Nothing but the memory of those that ended.
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; trying again");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // Answers are small and written at once; waiting for more to send would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended at once");
            continue;
        }
        let connection = builder
            .serve_connection(TokioIo::new(stream), service.clone())
            .into_owned();
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                // Clients hang up and send what is no HTTP all the time.
                tracing::debug!(error = %error, "a connection ended early");
            }
        });
    }

    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests were still in flight and are broken off"
        );
    }
    // Dropping the set ends what is left.
    Ok(())
}

//! The socket, its connections and their end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower_service::Service;
use warp::Reply;
use warp::filters::BoxedFilter;

use crate::accept::Accept;
use crate::door::Door;

/// How long requests in flight may take when [`serve`] shuts down. Docker kills a process after ten seconds.
pub const GRACE: Duration = Duration::from_secs(9);

/// How often a silent HTTP/2 client is asked whether it is there, and how long it may take to answer. Streams of statuses
/// are silent for as long as a job takes. A client that lost its network is noticed after both times together.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long a client may take for the head of a request, and may keep a connection open without one.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// How long a client may take until its connection can be served: for TLS two round trips and two signatures.
const ACCEPT_WITHIN: Duration = Duration::from_secs(5);

/// The pause after a failure to accept a connection. Most likely the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server cannot listen on the socket that was handed over.
    #[error("the socket cannot be used to listen for requests; listen on another address")]
    Listen(#[source] std::io::Error),
}

/// Serves until `shutdown`, then finishes the requests in flight, which may take nine seconds.
///
/// `ready` is called once, with the address of the socket, as soon as requests are answered.
///
/// # Errors
/// [`Error`], before `ready` was called. Afterwards no client can end the server.
pub async fn serve<R: Reply + 'static>(
    listener: std::net::TcpListener,
    routes: BoxedFilter<(R,)>,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    serve_service(
        listener,
        Door::default(),
        warp::service(routes),
        GRACE,
        ready,
        shutdown,
    )
    .await
}

/// As [`serve`], for any service of HTTP/1.1 and HTTP/2 (prior knowledge or ALPN), gRPC included, behind TLS or not as
/// `accept` says; requests in flight at the end get `grace`.
///
/// # Errors
/// As [`serve`].
pub async fn serve_service<A, S, B>(
    listener: std::net::TcpListener,
    accept: A,
    service: S,
    grace: Duration,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), Error>
where
    A: Accept,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    listener.set_nonblocking(true).map_err(Error::Listen)?;
    let listener = TcpListener::from_std(listener).map_err(Error::Listen)?;
    let address = listener.local_addr().map_err(Error::Listen)?;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(KEEP_ALIVE))
        .keep_alive_timeout(KEEP_ALIVE);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();

    ready(address);
    loop {
        let (stream, peer) = tokio::select! {
            () = shutdown.cancelled() => break,
            // Frees the memory of connections that ended.
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
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
        let (accepted, service) = (accept.clone().accept(stream, peer), service.clone());
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        connections.spawn(async move {
            let (stream, peer) = match timeout(ACCEPT_WITHIN, accepted).await {
                Ok(Ok(accepted)) => accepted,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a connection was not taken");
                    return;
                }
                Err(_) => {
                    tracing::debug!("a connection was not taken: its client is too slow");
                    return;
                }
            };
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer.clone());
                TowerToHyperService::new(service.clone()).call(request)
            });
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                // Clients hang up, or do not speak HTTP, all the time.
                tracing::debug!(error = %error, "a connection ended early");
            }
        });
    }

    drop(listener);
    if timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests were still in flight and are broken off"
        );
    }
    // Dropping the set ends the remaining connections.
    Ok(())
}

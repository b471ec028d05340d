//! The service on its socket.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use gugus_http::{Door, GRACE, cors};
use gugus_models::ModelError;
use tokio_util::sync::CancellationToken;
use tower_layer::Layer;
use warp::Filter;
use warp::http::{HeaderName, Method, header};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::guards::names::{REQUEST_ID, TRACE_PARENT};
use crate::guards::service::{Guard, Guarded};
use crate::guards::settings::Guards;
use crate::guards::sites::Sites;
use crate::keeper;
use crate::metrics::Metrics;
use crate::model_metrics::ModelMetrics;
use crate::routes;
use crate::state::State;
use crate::stock::Stock;
use crate::unloaded::Unloaded;
use crate::v2::grpc::Grpc;
use crate::v2::rest_infer::JSON_LENGTH;

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
    /// The certificate cannot be served.
    #[error("the service cannot be opened with TLS")]
    Tls(#[source] rustls::Error),
    /// Metrics of one name twice, which would be a fault of ours.
    #[error("the metrics could not be made")]
    Metrics(#[from] prometheus::Error),
}

/// Serves until `shutdown`, then finishes the requests in flight, which may take nine seconds.
///
/// `ready` is called once with the address that is listened on, when requests are answered. The models need not be there
/// yet: those that appear later are found.
///
/// # Errors
/// [`Error`], before `ready` was called. Afterwards nothing that clients or the store do ends the service.
pub async fn run(
    listener: TcpListener,
    config: Config,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let metrics = Metrics::new(config.monitor.clone())?;
    let stock = Arc::new(Stock::open(&config).await.map_err(Error::Models)?);
    let ended = shutdown.child_token();
    let _end = ended.clone().drop_guard();
    tokio::spawn(keeper::keep(Arc::clone(&stock), config.poll, ended));
    let catalogue = Arc::new(Catalogue::new(stock, &config));
    let models = ModelMetrics::new(Arc::clone(&catalogue))?;
    metrics.monitor.registry().register(Box::new(models))?;
    let state = Arc::new(State {
        catalogue,
        body_limit: config.body_limit,
        max_rows: config.max_rows,
        unknown_columns: config.unknown_columns,
        unloaded: Unloaded::default(),
        guards: config.guards.clone(),
        document: routes::document_of(&config.guards)
            .unwrap_or_default()
            .into(),
        metrics: Arc::clone(&metrics),
        shutdown: shutdown.clone(),
    });
    let door = door(&config.guards).map_err(Error::Tls)?;
    let guard = Guard::new(&config.guards, metrics);
    let service = Guarded {
        inner: warp::service(routes::all(Arc::clone(&state)).boxed()),
        guard: Arc::clone(&guard),
        sites: sites(&config.guards, &listener)?,
    };
    let tell = |address: SocketAddr| {
        warn_when_open(&config.guards, address);
        tracing::info!(%address, models = %config.models, "serving");
        ready(address);
    };
    let grpc = grpc(&config, door.clone(), (state, guard), shutdown.clone());
    let rest = async {
        match cors(&config.guards.origins) {
            None => gugus_http::serve_service(listener, door, service, GRACE, tell, shutdown).await,
            Some(layer) => {
                // Outermost: a browser asks without the token whether it may ask with it.
                let layer = layer
                    .allow_methods([Method::GET, Method::POST])
                    .allow_headers(TAKEN)
                    .expose_headers(SHOWN);
                let service = layer.layer(service);
                gugus_http::serve_service(listener, door, service, GRACE, tell, shutdown).await
            }
        }
    };
    // In this order: when the address of REST is told, gRPC is served, too.
    tokio::try_join!(grpc, rest)?;
    tracing::info!("ended");
    Ok(())
}

/// Serves gRPC, if there is a socket for it.
async fn grpc(
    config: &Config,
    door: Door,
    (state, guard): (Arc<State>, Arc<Guard>),
    shutdown: CancellationToken,
) -> Result<(), gugus_http::Error> {
    let Some(listener) = &config.grpc else {
        return Ok(());
    };
    let listener = listener.try_clone().map_err(gugus_http::Error::Listen)?;
    let service = Grpc {
        state,
        guard,
        sites: sites(&config.guards, &listener)?,
    };
    let tell = |address: SocketAddr| {
        warn_when_open(&config.guards, address);
        tracing::info!(%address, "serving gRPC");
    };
    gugus_http::serve_service(listener, door, service, GRACE, tell, shutdown).await
}

/// Which requests of browsers a port takes.
fn sites(guards: &Guards, listener: &TcpListener) -> Result<Arc<Sites>, gugus_http::Error> {
    let address = listener.local_addr().map_err(gugus_http::Error::Listen)?;
    Ok(Arc::new(Sites::of(guards, address)))
}

/// The headers that pages of named sites may send.
const TAKEN: [HeaderName; 7] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    JSON_LENGTH,
    REQUEST_ID,
    TRACE_PARENT,
];

/// The headers that pages of named sites may read.
const SHOWN: [HeaderName; 8] = [
    HeaderName::from_static("gugus-batch"),
    HeaderName::from_static("gugus-model"),
    HeaderName::from_static("gugus-uid"),
    HeaderName::from_static("gugus-window"),
    JSON_LENGTH,
    header::RETRY_AFTER,
    REQUEST_ID,
    TRACE_PARENT,
];

/// The way into the port, with TLS if there is a certificate.
pub(crate) fn door(guards: &Guards) -> Result<Door, rustls::Error> {
    match &guards.certificate {
        Some(certificate) => Ok(Door::with_tls(certificate.acceptor(None)?)),
        None => Ok(Door::default()),
    }
}

/// Warns about an address that others can reach without token or TLS. Loopback needs neither.
fn warn_when_open(guards: &Guards, address: SocketAddr) {
    if address.ip().to_canonical().is_loopback() {
        return;
    }
    if guards.token.is_none() {
        tracing::warn!(
            %address,
            "this service answers anybody who reaches it: give it --token-file or GUGUS_TOKEN, or keep others off this network"
        );
    } else if guards.certificate.is_none() {
        tracing::warn!(
            %address,
            "this service is reached without encryption, and whoever can listen learns the token: give it --tls-cert and --tls-key, or put a proxy with TLS before it"
        );
    }
}

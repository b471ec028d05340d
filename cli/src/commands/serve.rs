//! `gugus serve`.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use gugus_files::Stores;
use gugus_serve::UnknownColumns;

use crate::exit::{Code, Failure};
use crate::flags::folders::ModelsFolder;
use crate::flags::guards::GuardFlags;
use crate::output::ready;
use crate::servers::{host_port, listen};
use crate::signals::Stop;

/// Serve predictions of trained models over REST
///
/// The service notices new and retrained models by itself. It also serves models that Spark saved. The page at /docs tries
/// every request in a browser.
///
/// Example: gugus serve --models data/models --listen 127.0.0.1:8000
///
/// Next: open http://127.0.0.1:8000/ for the models, or http://127.0.0.1:8000/docs for all requests.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    models: ModelsFolder,
    /// Where to listen; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_parser = host_port)]
    listen: SocketAddr,
    /// Where to listen for gRPC, the Open Inference Protocol; port 0 chooses a free one; without this there is no gRPC
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    grpc_listen: Option<SocketAddr>,
    /// The model that POST /predict_cluster/ asks; when absent, `location`, else `kmeans_model`, else the only model
    #[arg(long, value_name = "MODEL")]
    predict_cluster: Option<String>,
    /// Refuse records with columns that their model does not know; without this such columns are ignored
    #[arg(long)]
    strict_columns: bool,
    /// How often to look through the whole store. In a bucket, changes are noticed within this time; a folder on this
    /// machine tells of its changes at once. A store whose listing takes longer than a tenth of it is looked through less often
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = poll)]
    poll: Duration,
    /// How much memory the models may take. The models that were not asked for longest are dropped first
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    cache_size: ByteSize,
    #[command(flatten)]
    guards: GuardFlags,
}

/// A duration as humantime reads it, but not zero.
fn poll(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(poll) if !poll.is_zero() => Ok(poll),
        Ok(_) => Err("it must be longer than zero, such as 500ms".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Serve {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let mut config = gugus_serve::Config::new(self.models.open(&Stores::from_env())?);
        config.predict_cluster = self.predict_cluster;
        config.poll = self.poll;
        config.cache_size = self.cache_size.as_u64();
        if self.strict_columns {
            config.unknown_columns = UnknownColumns::Refuse;
        }
        self.guards.set(&mut config)?;
        let (scheme, grpc_scheme) = match config.guards.certificate {
            Some(_) => ("https", "grpcs"),
            None => ("http", "grpc"),
        };
        let listener = listen(self.listen)?;
        let grpc = self.grpc_listen.map(listen).transpose()?;
        let grpc_address = grpc.as_ref().map(TcpListener::local_addr).transpose();
        let grpc_address = grpc_address.map_err(Failure::failed)?;
        config.grpc = grpc.map(Arc::new);
        let tell = |address: SocketAddr| {
            let grpc = grpc_address.map(|address| ("grpc", format!("{grpc_scheme}://{address}")));
            let rest = ("rest", format!("{scheme}://{address}"));
            ready(&[rest].into_iter().chain(grpc).collect::<Vec<_>>());
        };
        gugus_serve::run(listener, config, tell, stop.token)
            .await
            .map_err(Failure::failed)?;
        Ok(Code::Done)
    }
}

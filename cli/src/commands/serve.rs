//! `gugus serve`.

use std::net::SocketAddr;

use clap::Args;
use gugus_files::Stores;

use crate::exit::{Code, Failure};
use crate::flags::answering::Answering;
use crate::flags::folders::ModelsFolder;
use crate::flags::grpc::GrpcPort;
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
    #[command(flatten)]
    grpc: GrpcPort,
    #[command(flatten)]
    answering: Answering,
    #[command(flatten)]
    guards: GuardFlags,
}

impl Serve {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let mut config = gugus_serve::Config::new(self.models.open(&Stores::from_env())?);
        self.answering.set(&mut config);
        self.guards.set(&mut config)?;
        let scheme = match config.guards.certificate {
            Some(_) => "https",
            None => "http",
        };
        let listener = listen(self.listen)?;
        let grpc = self.grpc.set(&mut config)?;
        let tell = |address: SocketAddr| {
            let grpc = grpc.map(|grpc| ("grpc", grpc));
            let rest = ("rest", format!("{scheme}://{address}"));
            ready(&[rest].into_iter().chain(grpc).collect::<Vec<_>>());
        };
        gugus_serve::run(listener, config, tell, stop.token)
            .await
            .map_err(Failure::failed)?;
        Ok(Code::Done)
    }
}

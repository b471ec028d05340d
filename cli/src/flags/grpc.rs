//! `--grpc-listen`: the port of the Open Inference Protocol over gRPC.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use clap::Args;
use gugus_serve::Config;

use crate::exit::Failure;
use crate::servers::{host_port, listen_as};

/// The port of the Open Inference Protocol over gRPC.
#[derive(Debug, Args)]
pub(crate) struct GrpcPort {
    /// Where to listen for gRPC, the Open Inference Protocol; port 0 chooses a free one; without this there is no gRPC
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    grpc_listen: Option<SocketAddr>,
}

impl GrpcPort {
    /// Takes the port, and gives its URL. The guards of `config` must be set.
    pub(crate) fn set(&self, config: &mut Config) -> Result<Option<String>, Failure> {
        let listener = self.grpc_listen.map(|at| listen_as("--grpc-listen", at));
        let listener = listener.transpose()?;
        let address = listener.as_ref().map(TcpListener::local_addr);
        let address = address.transpose().map_err(Failure::failed)?;
        config.grpc = listener.map(Arc::new);
        let scheme = match config.guards.certificate {
            Some(_) => "grpcs",
            None => "grpc",
        };
        Ok(address.map(|address| format!("{scheme}://{address}")))
    }
}

//! A cluster in this process whose pages show what this process trains.

use std::net::SocketAddr;

use gugus_files::Stores;
use gugus_progress::Progress;
use gugus_scheduler::{Configuration, RunRequest, ShownRun};
use gugus_spec::JobName;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;
use crate::flags::cluster::{ChosenCluster, Connected};
use crate::output::file::private_folder;

/// The cluster, and the run on its pages.
pub(crate) struct Shown {
    pub(crate) connected: Connected,
    pub(crate) run: ShownRun,
    _state: TempDir,
}

impl Shown {
    /// Starts the cluster, and says where its pages are.
    pub(crate) async fn start(
        mut cluster: ChosenCluster,
        pages: (SocketAddr, Configuration),
        run: (&RunRequest, &JobName, Progress),
        stores: &Stores,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let state = private_folder().map_err(Failure::failed)?;
        cluster.shown_at(pages.0, pages.1, state.path(), 1)?;
        let connected = cluster.connect(stores, stop).await?;
        let embedded = connected
            .embedded
            .as_ref()
            .ok_or_else(|| Failure::usage("--ui is for a cluster in this process"))?;
        let run = embedded
            .show_run(run.0, run.1, run.2, stop)
            .map_err(Failure::failed)?;
        let access = embedded.access();
        let (scheme, place) = (access.security.scheme(), access.url.authority());
        eprintln!(
            "pages at {scheme}://{place}/runs/{} until the training ends",
            run.id()
        );
        Ok(Self {
            connected,
            run,
            _state: state,
        })
    }
}

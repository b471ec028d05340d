//! What is wrong with a scheduler, or with the way to its executors.

use ballista_core::error::BallistaError;
use datafusion::error::DataFusionError;
use gugus_submit::SubmitError;
use thiserror::Error;

use crate::connection::access::AccessError;
use crate::connection::address::ClusterUrl;
use crate::connection::status::GrpcError;

/// What is wrong with a scheduler, or with the way to its executors.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Nobody answers at the address.
    #[error(
        "no scheduler answers at {url}; start one with `gugus scheduler`, or leave --scheduler out for an embedded cluster"
    )]
    Connect {
        /// The address.
        url: ClusterUrl,
        /// The error of the connection.
        #[source]
        source: tonic::transport::Error,
    },
    /// The scheduler has another version, wants its token, or is no scheduler.
    #[error(transparent)]
    Access(AccessError),
    /// The scheduler refused the plan, as it does when the versions of the two sides differ.
    #[error("the scheduler at {url} refused the job: {status}")]
    Refused {
        /// The address.
        url: ClusterUrl,
        /// The refusal.
        #[source]
        status: GrpcError,
    },
    /// The connection to the scheduler broke while the job ran.
    #[error(
        "the connection to the scheduler at {url} broke while \"{name}\" ran; what is written stays, run the same command again to go on"
    )]
    Lost {
        /// The address.
        url: ClusterUrl,
        /// The job's name.
        name: String,
        /// The error of the connection, if there is one.
        #[source]
        status: Option<GrpcError>,
    },
    /// The scheduler went away and did not come back.
    #[error(
        "the scheduler at {url} has not answered for {seconds} s while \"{name}\" ran; see that it runs and that this machine reaches it. What is written stays: run the same command again to go on"
    )]
    Away {
        /// The address.
        url: ClusterUrl,
        /// How long it has been silent.
        seconds: u64,
        /// The job's name.
        name: String,
        /// What became of the last question.
        #[source]
        source: Box<AccessError>,
    },
    /// The scheduler hears an executor that holds a result, and this process cannot call it.
    #[error(
        "this machine cannot call the executor at {executor}, which holds the result of Ballista job {job}; see that no firewall between them blocks that port, and that the executor's --external-host is a name that this machine knows"
    )]
    Unreachable {
        /// The Ballista job's id.
        job: String,
        /// The address of the executor.
        executor: String,
        /// The id of the executor.
        id: String,
        /// The error of Ballista.
        #[source]
        source: Box<BallistaError>,
    },
    /// The job was successful, but its result could not be fetched.
    #[error(
        "the result of Ballista job {job} could not be fetched from its executor at {executor}"
    )]
    Fetch {
        /// The Ballista job's id.
        job: String,
        /// Where the result lay.
        executor: String,
        /// The error of Ballista.
        #[source]
        source: BallistaError,
    },
    /// A result arrived damaged.
    #[error("the result of Ballista job {job} could not be read")]
    Result {
        /// The Ballista job's id.
        job: String,
        /// The error of DataFusion.
        #[source]
        source: DataFusionError,
    },
    /// The plan does not encode.
    #[error("the plan of \"{name}\" could not be encoded")]
    Encode {
        /// The job's name.
        name: String,
        /// The error of DataFusion.
        #[source]
        source: DataFusionError,
    },
}

impl From<ClusterError> for SubmitError {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Fetch { .. } | ClusterError::Result { .. } => {
                Self::ResultLost(error.into())
            }
            _ => Self::Cluster(error.into()),
        }
    }
}

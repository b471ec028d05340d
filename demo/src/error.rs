//! Why the demo did not get through.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use gugus_batches::LogError;
use gugus_error::Kind;
use gugus_files::StoreError;
use thiserror::Error;

/// Why the demo did not get through: the step, and what the step says.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An address is taken or not ours.
    #[error(
        "the demo cannot listen on {address}; name another with --listen, port 0 chooses a free one"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The input file cannot be used.
    #[error("{} cannot be read as CSV", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// The mistake.
        #[source]
        source: csv::Error,
    },
    /// The input file holds nothing.
    #[error("{} holds no records", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A temporary file cannot be written.
    #[error("the demo cannot write to its temporary folder")]
    Temporary(#[source] io::Error),
    /// Sample records could not be made.
    #[error("sample records could not be written")]
    Generate(#[source] gugus_generate::Error),
    /// The job file that is in the binary does not parse: a fault of ours.
    #[error("the job file in the binary is damaged")]
    BuiltIn(#[source] gugus_spec::Error),
    /// The stand-in broker did not start.
    #[error("the embedded broker did not start")]
    Broker(#[source] rdkafka::error::KafkaError),
    /// Sending or ingesting failed.
    #[error(transparent)]
    Ingest(#[from] gugus_ingest::Error),
    /// The folder of batches cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A folder cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the whole failed.
    #[error(transparent)]
    Up(Box<gugus_up::Error>),
    /// The prediction was refused or did not arrive.
    #[error("the prediction was not answered: {0}")]
    Prediction(String),
    /// A thread of ours ended early.
    #[error("a part of the demo ended before its time")]
    Thread(#[from] tokio::task::JoinError),
    /// It was told to stop before it was through.
    #[error("stopped before everything was shown")]
    Stopped,
}

impl From<gugus_up::Error> for Error {
    fn from(error: gugus_up::Error) -> Self {
        Self::Up(Box::new(error))
    }
}

impl Error {
    /// Whether the request or its input was wrong, or the demo failed.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Input { .. } | Self::Empty { .. } => Kind::Usage,
            Self::Ingest(error) => error.kind(),
            Self::Up(error) => error.kind(),
            _ => Kind::Failed,
        }
    }
}

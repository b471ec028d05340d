//! A line of the file.

use serde::{Deserialize, Serialize};

/// One thing that was told; `at` is in milliseconds since 1970. Models and passes are borrowed to be written, and owned when
/// they were read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<M, P> {
    /// What became of a model.
    Model { at: u64, line: M },
    /// A pass over all batches.
    Pass { at: u64, line: P },
    /// So many models were left out when the file was cut.
    LeftOut { models: u64 },
}

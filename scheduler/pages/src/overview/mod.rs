//! `/`: everything at a glance.

mod executors;
mod page;
mod pipeline;
mod work;

pub use executors::ExecutorLine;
pub use page::Overview;
pub use pipeline::{Pipeline, PipelineStep};
pub use work::{BallistaRunning, Failure, Running};

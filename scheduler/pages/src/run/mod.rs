//! `/runs/{id}`: one run, its models and how they came about; and the plain types of a run.

mod course;
mod following;
mod grid;
mod id;
mod mark;
mod models;
mod page;
mod passes;
mod progress;
mod record;
mod state;

pub use course::{Course, ModelRow, ModelTable, PassSeries, Square};
pub use following::Following;
pub(crate) use following::behind;
pub use id::{ParseRunIdError, RunId};
pub use mark::{Counts, Mark};
pub use page::RunPage;
pub use progress::follows;
pub(crate) use progress::{progress, run_state};
pub use record::{BallistaJob, Run};
pub use state::RunState;

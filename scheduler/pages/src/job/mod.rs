//! A Ballista job: its record, its row in the table, and its page.

mod graph;
mod page;
mod plan;
mod record;
mod row;
mod spread;
mod timeline;
mod troubles;

pub use page::JobPage;
pub use record::{Figure, Job, Operator, Stage, StageState, Task, TaskState};
pub use row::{JobState, Row};
pub(crate) use timeline::{Bar, timeline};

//! Tasks that failed, were lost or did again what others had not finished.

use gugus_look::{Column, count, plain_table};
use maud::{Markup, html};

use super::record::{Job, Stage, Task};
use crate::href;
use crate::moment::span;

/// The most rows of the table.
const ROWS: usize = 100;

/// The table; nothing where all went well.
pub(super) fn troubles(job: &Job, until: u64) -> Option<Markup> {
    let tasks = job
        .stages
        .iter()
        .flat_map(|stage| stage.tasks.iter().map(move |task| (stage, task)));
    let odd: Vec<(&Stage, &Task)> = tasks
        .filter(|(_, task)| task.state.is_odd(task.again))
        .collect();
    if odd.is_empty() {
        return None;
    }
    let columns = [
        Column::numbers("Stage"),
        Column::numbers("Task"),
        Column::text("What became of it"),
        Column::text("Executor"),
        Column::numbers("Groups"),
        Column::numbers("Time"),
        Column::text("Why"),
    ];
    let row = |(stage, task): &(&Stage, &Task)| {
        vec![
            html! { (stage.id) },
            html! { (task.id) },
            html! { (task.state.word()) @if task.again { ", tried again" } },
            html! { a href=(href::executor(&task.executor)) { (job.address(&task.executor)) } },
            html! { (count(task.groups)) },
            html! { (span(task.ran(until))) },
            html! { (task.failure.as_deref().unwrap_or("")) },
        ]
    };
    let rows: Vec<_> = odd.iter().take(ROWS).map(row).collect();
    Some(html! {
        (plain_table("Tasks that failed, were lost, or were tried again", &columns, &rows))
        @if odd.len() > ROWS { p.quiet { "And " (odd.len() - ROWS) " more, which this page as JSON has." } }
    })
}

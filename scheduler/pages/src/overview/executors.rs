//! The executors, each in a line.

use gugus_look::{Column, Tone, badge, bytes, count, empty, plain_table};
use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::href;

/// An executor, as a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExecutorLine {
    /// Its id.
    pub id: String,
    /// Its address.
    pub address: String,
    /// How many slots it has.
    pub slots: u32,
    /// How many of them are taken; null where that is unknown.
    pub taken: Option<u32>,
    /// Bytes of memory that its process uses; null where that is unknown.
    pub memory: Option<u64>,
    /// Seconds since its last heartbeat.
    pub silent: u64,
    /// Whether it is given up or about to be.
    pub lost: bool,
}

/// The executors as a table. `address` is that of their scheduler.
pub(super) fn executors(executors: &[ExecutorLine], address: &str) -> Markup {
    if executors.is_empty() {
        return empty(
            "None has registered, so nothing can be computed. Start one:",
            Some(&format!("gugus executor --scheduler {address}")),
        );
    }
    let columns = [
        Column::text("Executor"),
        Column::text("State"),
        Column::numbers("Slots taken"),
        Column::numbers("Memory"),
        Column::numbers("Last heartbeat"),
    ];
    let rows: Vec<Vec<Markup>> = executors
        .iter()
        .map(|executor| {
            let state = match executor.lost {
                true => badge(Tone::Bad, "lost"),
                false => badge(Tone::Good, "alive"),
            };
            vec![
                html! { a href=(href::executor(&executor.id)) { (executor.address) } },
                state,
                html! { @if let Some(taken) = executor.taken { (taken) " of " } (executor.slots) },
                html! { @match executor.memory { Some(memory) => (bytes(memory)), None => { span.quiet { "unknown" } } } },
                html! { (count(executor.silent)) " s ago" },
            ]
        })
        .collect();
    plain_table("Executors", &columns, &rows)
}

//! Parts that the page of a run and the list of runs share.

use gugus_look::{Tone, badge, bar, count, quantity};
use maud::{Markup, html};

use super::record::Run;
use super::state::RunState;

/// The state of a run. A run that finished without some of its models wants a look.
pub(crate) fn run_state(run: &Run) -> Markup {
    let tone = match run.state {
        RunState::Queued => Tone::Quiet,
        RunState::Running => Tone::Busy,
        RunState::Finished if run.failed > 0 => Tone::Warning,
        RunState::Finished => Tone::Good,
        RunState::Failed => Tone::Bad,
        RunState::Cancelled | RunState::Interrupted => Tone::Warning,
    };
    badge(tone, run.state.as_str())
}

/// How far a run is.
pub(crate) fn progress(run: &Run) -> Markup {
    let progress = &run.progress;
    html! {
        @if progress.total > 0 {
            (bar(progress.done, progress.total, "models done"))
            (count(progress.done)) " of " (quantity(progress.total, "model", "models"))
            @if !progress.message.is_empty() { " " span.quiet { (progress.message) } }
        } @else {
            span.quiet { @match run.state {
                RunState::Running => "looking at batches and models",
                RunState::Queued => "waits for its turn",
                RunState::Finished => "there was nothing to train",
                RunState::Failed | RunState::Cancelled | RunState::Interrupted => "nothing was trained",
            } }
        }
    }
}

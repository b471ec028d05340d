//! The state of a run and how far it is, for its page and for the list of runs.

use gugus_look::{Tone, badge, done_of};
use maud::{Markup, html};

use super::following::behind;
use super::record::Run;
use super::state::RunState;

/// The state of a run. A run that finished without some of its models wants a look.
pub(crate) fn run_state(run: &Run) -> Markup {
    let tone = match run.state {
        RunState::Queued => Tone::Quiet,
        RunState::Following if run.failure.is_some() => Tone::Warning,
        RunState::Running | RunState::Following => Tone::Busy,
        RunState::Paused => Tone::Quiet,
        RunState::Finished if run.failed > 0 => Tone::Warning,
        RunState::Finished => Tone::Good,
        RunState::Failed => Tone::Bad,
        RunState::Cancelled | RunState::Interrupted => Tone::Warning,
    };
    badge(tone, run.state.word())
}

/// What a standing run does or waits for, in words; nothing for any other run.
#[must_use]
pub fn follows(run: &Run) -> Option<String> {
    let following = run.follow.as_ref()?;
    Some(match run.state {
        RunState::Following if !following.caught_up => {
            format!("looks at what is there, {}", behind(following.lag))
        }
        RunState::Following if following.lag.batches == 0 => {
            "nothing behind, waits for new batches".to_owned()
        }
        RunState::Following => behind(following.lag),
        RunState::Paused => "trains nothing until it is resumed".to_owned(),
        RunState::Finished => "follows no more".to_owned(),
        _ => return None,
    })
}

/// How far a run is.
pub(crate) fn progress(run: &Run) -> Markup {
    if let Some(follows) = follows(run) {
        return html! { (follows) };
    }
    let progress = &run.progress;
    html! {
        @if progress.total > 0 {
            (done_of(progress.done, progress.total, "models done"))
            @if progress.total == 1 { " model" } @else { " models" }
            @if !progress.message.is_empty() { " " span.quiet { (progress.message) } }
        } @else {
            span.quiet { @match run.state {
                RunState::Running | RunState::Following => "looking at batches and models",
                RunState::Queued => "waits for its turn",
                RunState::Finished => "there was nothing to train",
                RunState::Paused | RunState::Failed | RunState::Cancelled | RunState::Interrupted => "nothing was trained",
            } }
        }
    }
}

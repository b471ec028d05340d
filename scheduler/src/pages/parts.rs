//! Small parts that several pages share.

use maud::{Markup, html};

use gugus_pages::run::{Run, RunState};

/// The most characters of a failure in a table; the run's own page has all of them.
const SHORT: usize = 300;

/// A state with the colour of its class.
pub(super) fn state(word: &str) -> Markup {
    html! { span class={ "state " (word) } { (word) } }
}

/// The state of a run; a run that finished without some of its models has a colour of its own.
pub(super) fn run_state(run: &Run) -> Markup {
    let some_failed = run.state == RunState::Finished && run.failed > 0;
    let class = if some_failed {
        "some-failed"
    } else {
        run.state.as_str()
    };
    html! { span class={ "state " (class) } { (run.state) } }
}

/// How far a run is.
pub(super) fn progress(run: &Run) -> Markup {
    let progress = &run.progress;
    let (done, total) = (count(progress.done), count(progress.total));
    html! {
        @if progress.total > 0 {
            progress value=(progress.done) max=(progress.total) { }
            (done) " of " (total)
            @if !progress.message.is_empty() { " " span.quiet { (progress.message) } }
        } @else if run.state == RunState::Running {
            span.quiet { "looking at batches and models" }
        } @else if run.state == RunState::Queued {
            span.quiet { "waits for its turn" }
        } @else if run.state == RunState::Finished {
            span.quiet { "there was nothing to train" }
        }
    }
}

/// A number with commas between its thousands.
pub(super) fn count(number: u64) -> String {
    let mut text = number.to_string();
    for at in (1..text.len())
        .rev()
        .filter(|at| (text.len() - at).is_multiple_of(3))
        .collect::<Vec<_>>()
    {
        text.insert(at, ',');
    }
    text
}

/// The beginning of a long text.
pub(super) fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let beginning: String = characters.by_ref().take(SHORT).collect();
    match characters.next() {
        None => beginning,
        Some(_) => format!("{beginning}…"),
    }
}

/// `2026-11-23 09:10:11`, from RFC 3339.
pub(super) fn moment(text: &str) -> String {
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {}", time.get(..8).unwrap_or(time)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted_by_commas() {
        let texts = [0, 999, 1_000, 12_345, 1_234_567].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn long_failures_are_cut_between_characters() {
        let long = "ä".repeat(SHORT + 1);
        let short = shortened(&long);
        assert_eq!(short.chars().count(), SHORT + 1);
        assert!(short.ends_with("ä…"), "{short}");
        assert_eq!(shortened("short"), "short");
    }
}

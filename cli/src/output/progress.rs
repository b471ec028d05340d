//! Progress on standard error, where that is a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that counts to `length` (a spinner when that is not known yet); nothing where standard error is not a terminal.
pub(crate) fn progress(length: Option<u64>, unit: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = format!(
        "{{spinner}} {{bar:32}} {{human_pos}}/{{human_len}} {unit} {{per_sec}} {{eta}} {{msg}}"
    );
    // The template is ours; if it were wrong, indicatif's own look does as well.
    bar.set_style(
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A line about work that has no end; nothing where standard error is not a terminal.
pub(crate) fn status(unit: &str) -> ProgressBar {
    let bar = progress(None, unit);
    let template = format!("{{spinner}} {{human_pos}} {unit} {{per_sec}} {{msg}}");
    // The template is ours; if it were wrong, indicatif's own look does as well.
    bar.set_style(
        ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

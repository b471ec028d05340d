//! Progress on standard error, if that is a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that counts to `length`, or a spinner if the length is unknown. Nothing is shown if standard error is no terminal.
pub(crate) fn progress(length: Option<u64>, unit: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = format!(
        "{{spinner}} {{bar:32}} {{human_pos}}/{{human_len}} {unit} {{per_sec}} {{eta}} {{msg}}"
    );
    // The template is a constant. If it were wrong, the default look of indicatif would do.
    bar.set_style(
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A status line for work without an end. Nothing is shown if standard error is no terminal.
pub(crate) fn status(unit: &str) -> ProgressBar {
    let bar = progress(None, unit);
    let template = format!("{{spinner}} {{human_pos}} {unit} {{per_sec}} {{msg}}");
    // The template is a constant. If it were wrong, the default look of indicatif would do.
    bar.set_style(
        ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

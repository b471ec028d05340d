//! Progress on standard error: a bar in a terminal, and now and then a line in a log.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use gugus_error::printable;
use gugus_progress::{Progress, Pulse};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

/// How often a bar is drawn.
const EVERY: Duration = Duration::from_millis(100);

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
    bar.enable_steady_tick(EVERY);
    bar
}

/// How often the log checks whether a line about the progress is due.
const LOOK: Duration = Duration::from_secs(1);

/// A bar on standard error that shows how far `progress` is, until the result is dropped. Where standard error is no terminal,
/// lines of the log show it.
pub(crate) fn draw(progress: &Progress, unit: &'static str) -> Drawn {
    let bar = self::progress(Some(0), unit);
    if !bar.is_hidden() {
        return drawn(bar, progress);
    }
    let logging = tokio::spawn(log(progress.clone(), unit));
    Drawn {
        bar,
        drawing: Some(logging),
    }
}

async fn log(progress: Progress, unit: &'static str) {
    let (began, mut pulse) = (Instant::now(), Pulse::default());
    loop {
        tokio::time::sleep(LOOK).await;
        let now = progress.now();
        if pulse.is_due(began.elapsed(), &now) {
            let seconds = began.elapsed().as_secs();
            let doing = match now.message.as_str() {
                "" => "under way",
                message => message,
            };
            tracing::info!(done = now.done, of = now.total, unit, seconds, "{doing}");
        }
    }
}

/// A status line on standard error for work without an end. The line is shown until the result is dropped.
pub(crate) fn draw_status(progress: &Progress, unit: &str) -> Drawn {
    let bar = self::progress(None, unit);
    let template = format!("{{spinner}} {{human_pos}} {unit} {{per_sec}} {{msg}}");
    // The template is a constant. If it were wrong, the default look of indicatif would do.
    bar.set_style(
        ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    drawn(bar, progress)
}

fn drawn(bar: ProgressBar, progress: &Progress) -> Drawn {
    let (drawn, progress) = (bar.clone(), progress.clone());
    let drawing = (!bar.is_hidden()).then(|| {
        tokio::spawn(async move {
            loop {
                let now = progress.now();
                drawn.set_length(now.total);
                drawn.set_position(now.done);
                drawn.set_message(printable(&now.message).into_owned());
                tokio::time::sleep(EVERY).await;
            }
        })
    });
    Drawn { bar, drawing }
}

/// A bar that is drawn until this is dropped.
pub(crate) struct Drawn {
    bar: ProgressBar,
    drawing: Option<JoinHandle<()>>,
}

impl Drawn {
    /// Writes to standard error without the bar in between.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        if let Some(drawing) = &self.drawing {
            drawing.abort();
        }
        self.bar.finish_and_clear();
    }
}

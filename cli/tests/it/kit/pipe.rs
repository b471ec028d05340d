//! What comes out of a pipe.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What came out of a pipe so far, read by a thread of its own so that the command never blocks on a full pipe.
#[derive(Clone, Debug)]
pub(super) struct Heard(Arc<(Mutex<(String, Pipe)>, Condvar)>);

#[derive(Debug, PartialEq)]
enum Pipe {
    Open,
    Closed,
}

impl Heard {
    pub(super) fn listen(pipe: impl Read + Send + 'static) -> Heard {
        let heard = Heard(Arc::new((
            Mutex::new((String::new(), Pipe::Open)),
            Condvar::new(),
        )));
        let ours = heard.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            loop {
                // What is there, up to a buffer full: a prompt without a line's end is heard as well.
                let read = match pipe.fill_buf() {
                    Ok([]) | Err(_) => break,
                    Ok(bytes) => {
                        ours.change(|(text, _)| text.push_str(&String::from_utf8_lossy(bytes)));
                        bytes.len()
                    }
                };
                pipe.consume(read);
            }
            ours.change(|(_, pipe)| *pipe = Pipe::Closed);
        });
        heard
    }

    fn change(&self, change: impl FnOnce(&mut (String, Pipe))) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    pub(super) fn text(&self) -> String {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .clone()
    }

    /// Waits until `find` finds something; `None` at the deadline, or when the pipe closed without it.
    pub(super) fn wait_for<T>(
        &self,
        deadline: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + deadline;
        let mut heard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let found = find(&heard.0);
            let left = end.saturating_duration_since(Instant::now());
            if found.is_some() || heard.1 == Pipe::Closed || left.is_zero() {
                return found;
            }
            heard = self
                .0
                .1
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// All of it, once the command has ended. A process that it left behind may hold the pipe open: not waited for long.
    pub(super) fn whole(&self) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        let mut heard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while heard.1 == Pipe::Open && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            heard = self
                .0
                .1
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        heard.0.clone()
    }
}

/// The first whole line whose first word is this one.
pub(super) fn complete_line(text: &str, word: &str) -> Option<String> {
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .find(|line| line.split_whitespace().next() == Some(word))
        .map(|line| line.trim().to_owned())
}

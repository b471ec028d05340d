//! Panics of other crates on odd input, kept inside one call.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs work that may panic on odd input, and gives the panic. Nothing of what the work held may be used afterwards, so that
/// unwinding leaves nothing half done.
///
/// # Errors
/// What the panic carried; [`panic_text`] reads it.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    let outer = IS_CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(outer);
    done
}

/// From now on nothing is printed about panics inside [`catch`]. Their callers tell of them as errors; a user would take the
/// text of a panic for a crash.
pub fn hush_caught() {
    let print = take_hook();
    set_hook(Box::new(move |panic| {
        if !IS_CAUGHT.get() {
            print(panic);
        }
    }));
}

/// What a panic said; empty if that was no text.
#[must_use]
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<&str>() {
        Some(text) => text,
        None => panic.downcast_ref::<String>().map_or("", String::as_str),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// It is the only test of this crate that panics, because all threads share one hook.
    #[test]
    fn a_caught_panic_is_given_and_not_printed() {
        let printed = Arc::new(AtomicUsize::new(0));
        let prints = Arc::clone(&printed);
        set_hook(Box::new(move |_| {
            prints.fetch_add(1, Ordering::SeqCst);
        }));
        hush_caught();
        let nested = || {
            assert_eq!(catch(|| 1).ok(), Some(1));
            panic!("row {}", 7)
        };
        let panic = catch::<()>(nested).unwrap_err();
        assert_eq!(panic_text(&*panic), "row 7");
        let panic = catch::<()>(|| panic!("row")).unwrap_err();
        assert_eq!(panic_text(&*panic), "row");
        assert_eq!(printed.load(Ordering::SeqCst), 0);
        assert!(catch_unwind(|| panic!("a defect")).is_err());
        assert_eq!(printed.load(Ordering::SeqCst), 1);
    }
}

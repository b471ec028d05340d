//! Seeded damage for the tests of everything that reads files.
//!
//! Each reader's test draws damaged files from a seed, and says what must hold for each of them: nothing panics, nothing
//! takes long, and no changed value passes for the one that was written. `cargo xtask chaos` runs more cases and other seeds.
//!
//! # Guarantees
//! A seed, the number of a case and the purpose of a test decide the damage, on every machine.
//!
//! # What it is not
//! Only tests use this crate. It knows no format. A test that has to keep a text valid, such as one of expressions,
//! draws its own changes with [`Draw`].
//!
//! ```
//! use gugus_damage::{cases, damaged, in_time};
//!
//! cases(20, 1, |draw| {
//!     let bytes = damaged(b"12 apples", draw);
//!     // A reader that panics or hangs is an error of this case.
//!     let _ = in_time(move || String::from_utf8(bytes).ok()?.parse::<i32>().ok())?;
//!     Ok(())
//! });
//! ```
#![allow(
    clippy::expect_used,
    reason = "only tests use this crate, and a test that cannot go on fails"
)]

mod bytes;
mod cases;
mod draw;

pub use bytes::{damage, damaged};
pub use cases::{HANG, cases, in_time, number, seeds};
pub use draw::Draw;

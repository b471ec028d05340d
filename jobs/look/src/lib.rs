//! The one look of our web pages: the frame of a page, its style and script, and the small parts that pages are made of.
//!
//! The pages of the scheduler and those of `gugus serve` share this crate. A state, a time or a number of bytes looks the same
//! on all of them.
//!
//! # Guarantees
//! * A page is whole without JavaScript. The script only makes a page live and handy.
//! * A page loads nothing from other sites, not even an icon. [`POLICY`] forbids it to browsers.
//! * Text of users is text: a name with markup in it is shown as it is.
//! * No part tells anything by colour alone.
//!
//! # What it is not
//! It serves nothing: a server sends [`Assets`] and whole pages by its own means. It knows no job, model or executor.
//!
//! # Why not a framework of the browser
//! A table of runs needs no build step, no package of scripts and no second language for its tests. Everything that a page
//! shows is made by one Rust function from one value, and the same value is its JSON.

mod assets;
mod chart;
mod document;
mod encoded;
mod parts;
mod section;
mod table;

pub use assets::{Asset, Assets};
pub use chart::{Bar, bars, float, line_chart, small_bars, small_line, stretch};
pub use document::{Frame, Link, POLICY, document};
pub use encoded::{path_part, query_value};
pub use parts::{
    Tone, badge, bytes, command, count, count_signed, done_of, drawing, duration, empty, fact,
    figure, instant, quantity, shortened, wide,
};
pub use section::Section;
pub use table::{Column, Order, Pager, plain_table, table};

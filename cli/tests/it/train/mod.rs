//! From batches to models, and what is asked of models.

mod aliases;
mod all;
mod evaluate;
mod follow;
mod kinds;
mod outcomes;
mod pass;
mod plot;
mod windows;

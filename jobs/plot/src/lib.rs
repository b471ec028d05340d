//! Maps of clusters: rows of two features, coloured by cluster, and the centers, as one SVG document.
//!
//! A map shows at one look whether clusters are where a person expects them. The command line writes it into a file; a
//! page can hold the same text.
//!
//! # Guarantees
//! * Plain data in, SVG text out: the same [`Sample`] always gives the same bytes.
//! * A map tells everything twice, by colour and by shape or number, for people who see few colours and for printers.
//! * Names of features and models are printed as text, even if they contain markup.
//! * Few rows far out do not make a dot of all others: the map leaves them out and says how many they are.
//!
//! # What it is not
//! It knows no cluster, no folder and no model: `gugus-evaluate` draws the rows of a [`Sample`] from the batches of a model.
//!
//! # Why not a plotting crate
//! They pull in fonts and drawing backends, and none knows that a degree of longitude is shorter than one of latitude.
//!
//! # Example
//! ```
//! use gugus_plot::{Axes, Sample};
//!
//! let sample = Sample {
//!     model: "places".to_owned(),
//!     batch: Some(1),
//!     window: None,
//!     features: vec!["lat".to_owned(), "lon".to_owned()],
//!     rows: 2,
//!     drawn: vec![(vec![34.0, -118.2], 0), (vec![34.1, -118.3], 1)],
//!     centers: vec![vec![34.0, -118.2], vec![34.1, -118.3]],
//!     sizes: vec![1, 1],
//! };
//! let axes = Axes::find(&sample.model, &sample.features, None, None)?;
//! assert_eq!(axes.names(&sample.features), ("lon", "lat"));
//! assert!(sample.draw(axes).starts_with("<svg "));
//! # Ok::<(), gugus_plot::MapError>(())
//! ```

mod axes;
mod frame;
mod labels;
mod map;
mod sample;
mod svg;
mod view;

pub use axes::{Axes, MapError};
pub use sample::Sample;

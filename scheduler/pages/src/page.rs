//! A snapshot that can be drawn.

use gugus_look::{Frame, Link, Section, document};
use serde::Serialize;

use crate::place::Place;

/// A snapshot that can be drawn as a page. Its JSON is what it serialises to.
pub trait Page: Serialize {
    /// Where it belongs in the navigation.
    const PLACE: Place;

    /// The page's title.
    fn title(&self) -> String;

    /// The way to the page, without the page itself.
    fn way(&self) -> Vec<Link> {
        Vec::new()
    }

    /// What it shows. The sections of a page keep their names and their order while it changes.
    fn sections(&self) -> Vec<Section>;
}

/// The whole page. `json` is the path where the same is JSON, and `signed_in` whether the viewer can sign out.
#[must_use]
pub fn render(page: &impl Page, json: &str, signed_in: bool) -> String {
    fn place<P: Page>(_: &P) -> Place {
        P::PLACE
    }
    let frame = Frame {
        product: "Gugus scheduler",
        version: concat!("Gugus ", env!("CARGO_PKG_VERSION")),
        navigation: &Place::ALL.map(Place::link),
        place: place(page).name(),
        way: &page.way(),
        title: &page.title(),
        json: Some(json),
        signed_in,
    };
    document(&frame, &page.sections()).into_string()
}

//! A snapshot as a page. Its live sections keep their names and order while it changes.

use gugus_look::{Frame, Link, Section, document};
use maud::{Markup, html};

use crate::place::Place;

/// The program, as pages name it.
const PRODUCT: &str = "Gugus scheduler";

/// Its version, as pages name it.
const VERSION: &str = concat!("Gugus ", env!("CARGO_PKG_VERSION"));

/// A snapshot that can be drawn as a page.
pub trait Page {
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
pub fn render<P: Page>(page: &P, json: &str, signed_in: bool) -> String {
    let frame = Frame {
        product: PRODUCT,
        version: VERSION,
        root: "/",
        navigation: &Place::ALL.map(Place::link),
        place: P::PLACE.name(),
        way: &page.way(),
        title: &page.title(),
        json: Some(json),
        signed_in,
    };
    document(&frame, &page.sections()).into_string()
}

/// The page in place of one that cannot be shown, with the reason.
#[must_use]
pub fn refused(title: &str, why: &str, signed_in: bool) -> String {
    let content = html! {
        div.note.bad { p { (why) } }
        p { "Use the links above to go on." }
    };
    alone(&Place::ALL.map(Place::link), title, content, signed_in)
}

/// A page for those who may not see the others.
pub(crate) fn outside(title: &str, content: Markup) -> String {
    alone(&[], title, content, false)
}

/// A page that belongs to no place.
fn alone(navigation: &[Link], title: &str, content: Markup, signed_in: bool) -> String {
    let frame = Frame {
        product: PRODUCT,
        version: VERSION,
        root: "/",
        navigation,
        place: "",
        way: &[],
        title,
        json: None,
        signed_in,
    };
    document(&frame, &[Section::fixed("content", content)]).into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_reason_as_text_and_leads_to_all_places() {
        let page = refused("Not found", "there is no run <b>x</b>", true);
        assert!(
            page.contains("there is no run &lt;b&gt;x&lt;/b&gt;"),
            "{page}"
        );
        for place in Place::ALL {
            assert!(
                page.contains(&format!("href=\"{}\"", place.path())),
                "{page}"
            );
        }
        assert!(page.contains("action=\"/sign-out\""), "{page}");
    }
}

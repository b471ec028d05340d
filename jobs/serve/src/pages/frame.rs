//! What all pages have.

use gugus_look::{Frame, Link, Section, document};
use maud::html;

/// The program, as pages name it.
const PRODUCT: &str = "Gugus models";

/// Its version, as pages name it.
const VERSION: &str = concat!("Gugus ", env!("CARGO_PKG_VERSION"));

/// The way from a page to the first one.
#[derive(Clone, Debug)]
pub(crate) struct Root(String);

impl Root {
    /// The way from the page at this path, as it was asked for. A slash at its end counts.
    pub(crate) fn of(path: &str) -> Self {
        match path.matches('/').count() {
            0 | 1 => Self("./".to_owned()),
            slashes => Self("../".repeat(slashes - 1)),
        }
    }

    /// The way to a path below the first page.
    pub(crate) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

/// A page of these sections. `json` is the path below the first page where the same is JSON.
pub(super) fn page(
    root: &Root,
    way: &[Link],
    title: &str,
    json: Option<&str>,
    sections: &[Section],
) -> String {
    let json = json.map(|path| root.to(path));
    let frame = Frame {
        product: PRODUCT,
        version: VERSION,
        root: &root.0,
        navigation: &[
            Link::new("Models", root.to("")),
            Link::new("Requests", root.to("docs")),
        ],
        place: "Models",
        way,
        title,
        json: json.as_deref(),
        signed_in: false,
    };
    document(&frame, sections).into_string()
}

/// The page in place of one that cannot be shown, with the reason.
pub(crate) fn refused(root: &Root, why: &str) -> String {
    let content = html! {
        div.note.bad { p { (why) } }
        p { a href=(root.to("")) { "All models" } }
    };
    page(
        root,
        &[],
        "No such page",
        None,
        &[Section::fixed("content", content)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_finds_the_first_one() {
        for (path, root) in [
            ("/", "./"),
            ("/pages/a", "../"),
            ("/pages/a/", "../../"),
            ("/pages/a/batches/1", "../../../"),
        ] {
            assert_eq!(Root::of(path).to(""), root, "{path}");
        }
    }
}

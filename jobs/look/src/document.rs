//! The frame around every page.

use maud::{DOCTYPE, Markup, html};

use crate::assets::Assets;
use crate::section::Section;

/// Content-Security-Policy of every page. It permits the assets of [`Assets`], images and answers of the same server, and
/// nothing else, so that no text of a job file or an error can become a script. Attributes `style` are forbidden, too.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A link of the navigation, or of the way to a page.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its text.
    pub name: String,
    /// Where it leads.
    pub href: String,
}

impl Link {
    /// A link with this text.
    #[must_use]
    pub fn new(name: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            href: href.into(),
        }
    }
}

/// The frame of one page.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The program, as `Gugus scheduler`.
    pub product: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The way from the page to the first one: `/`, or `../../` for pages behind a proxy that gives them a path of their own.
    pub root: &'a str,
    /// The links of the navigation.
    pub navigation: &'a [Link],
    /// Where the page belongs: the name of one of these links; no such name for a page that belongs nowhere.
    pub place: &'a str,
    /// The way to the page, without the page itself: `Runs` on the page of a run.
    pub way: &'a [Link],
    /// The page's title.
    pub title: &'a str,
    /// Where the same as JSON is, if anywhere.
    pub json: Option<&'a str>,
    /// Whether the viewer has signed in and can sign out.
    pub signed_in: bool,
}

/// A whole page.
#[must_use]
pub fn document(frame: &Frame<'_>, sections: &[Section]) -> Markup {
    let assets = Assets::ours();
    let live = sections.iter().any(|section| section.live);
    let at = |path: &str| format!("{}{}", frame.root, path.trim_start_matches('/'));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · " (frame.product) }
                link rel="icon" type="image/svg+xml" href=(at(&assets.icon.path));
                link rel="stylesheet" href=(at(&assets.style.path));
                script defer src=(at(&assets.script.path)) { }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.product href=(frame.root) { img src=(at(&assets.icon.path)) alt=""; (frame.product) }
                    @if !frame.navigation.is_empty() {
                        nav aria-label="Main" { @for link in frame.navigation {
                            a href=(link.href) aria-current=[(link.name == frame.place).then_some("page")] { (link.name) }
                        } }
                    }
                    span.grow { }
                    @if live { span #pulse role="status" { } }
                    button.plain #help type="button" title="Keyboard (?)" hidden { "Keyboard" }
                    @if frame.signed_in {
                        form method="post" action=(at("/sign-out")) { button.plain type="submit" { "Sign out" } }
                    }
                }
                main #main {
                    @if !frame.way.is_empty() { p.way { @for link in frame.way { a href=(link.href) { (link.name) } " / " } } }
                    h1 { (frame.title) }
                    @for section in sections { (section.html()) }
                }
                footer {
                    (frame.version)
                    @if let Some(json) = frame.json { " · " a href=(json) { "This page as JSON" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_asks_for_nothing_from_elsewhere_and_escapes_text() {
        let hostile = "\"><script>alert('x')</script>";
        let frame = Frame {
            product: "Gugus scheduler",
            version: "0.1.0",
            root: "/",
            navigation: &[Link::new("Runs", "/runs")],
            place: "Runs",
            way: &[],
            title: hostile,
            json: Some("/gugus/v1/runs"),
            signed_in: false,
        };
        let section = Section::live("list", html! { p { (hostile) } }).titled(hostile);
        let page = document(&frame, &[section]).into_string();
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(!page.contains("//"), "{page}");
        assert!(!page.contains(" style="), "{page}");
        assert!(
            page.contains("<a href=\"/runs\" aria-current=\"page\">Runs</a>"),
            "{page}"
        );
        assert!(page.contains("<section id=\"list\" data-live>"), "{page}");
    }
}

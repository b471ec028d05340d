//! A part of a page, which the script can replace.

use maud::{Markup, html};

/// A part of a page. The script replaces a live section whenever its text changes; the other sections stay as they were
/// loaded. So forms belong into a section that is not live: a person may be typing.
#[derive(Debug)]
pub struct Section {
    /// The section's name within its page.
    pub id: &'static str,
    /// Its heading; none for the first section of a page, which follows the title.
    pub heading: Option<String>,
    /// Whether it changes while somebody looks.
    pub live: bool,
    /// What it holds.
    pub content: Markup,
}

impl Section {
    /// A section that changes while somebody looks.
    #[must_use]
    pub fn live(id: &'static str, content: Markup) -> Self {
        Self {
            id,
            heading: None,
            live: true,
            content,
        }
    }

    /// A section that stays as it was loaded.
    #[must_use]
    pub fn fixed(id: &'static str, content: Markup) -> Self {
        Self {
            live: false,
            ..Self::live(id, content)
        }
    }

    /// The same section below a heading.
    #[must_use]
    pub fn titled(self, heading: impl Into<String>) -> Self {
        Self {
            heading: Some(heading.into()),
            ..self
        }
    }

    /// The section as HTML, in the frame that the script knows.
    #[must_use]
    pub fn html(&self) -> Markup {
        html! {
            section id=(self.id) data-live[self.live] {
                @if let Some(heading) = &self.heading { h2 { (heading) } }
                (self.content)
            }
        }
    }
}

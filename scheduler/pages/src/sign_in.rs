//! `/sign-in`: asks for the cluster's token.

use maud::html;

use crate::page::outside;

/// The page that asks for the token.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// The path of the page that comes next.
    pub next: &'a str,
    /// Whether a wrong token was sent before.
    pub wrong: bool,
}

impl SignIn<'_> {
    /// The page. It names no place, because nothing is shown before.
    #[must_use]
    pub fn html(&self) -> String {
        let content = html! {
            p { "This cluster has a token. Whoever knows the token may see and change everything." }
            @if self.wrong {
                div.note.bad role="alert" { p { "This is not the cluster's token. The file of " code { "--token-file" } ", with which the scheduler was started, holds the token." } }
            }
            form.sheet method="post" action="/sign-in" {
                input type="hidden" name="next" value=(self.next);
                // Password managers want a name beside the password.
                input type="hidden" name="username" value="gugus" autocomplete="username";
                label { span { "Token" } input type="password" name="token" autocomplete="current-password" required autofocus aria-invalid=[self.wrong.then_some("true")]; }
                button.first type="submit" { "Sign in" }
            }
            p.quiet { "If you have signed in already and followed a link to get here, " a href=(self.next) { "go on to the page" } "." }
        };
        outside("Sign in", content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_no_place_and_keeps_what_comes_next_as_text() {
        let next = "/runs?q=\"><script>x</script>";
        let page = SignIn { next, wrong: false }.html();
        assert!(
            !page.contains("<nav") && !page.contains("<script>x"),
            "{page}"
        );
        assert!(
            page.contains("name=\"next\" value=\"/runs?q=&quot;&gt;&lt;script&gt;"),
            "{page}"
        );
        assert!(!page.contains("not the cluster's token"));
        let wrong = true;
        assert!(
            SignIn { next, wrong }
                .html()
                .contains("not the cluster's token")
        );
    }
}

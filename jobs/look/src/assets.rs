//! Style, script and icon, which are part of the program. A path changes with its content, so browsers may keep the file
//! for ever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Its path. The path changes with the content, so that browsers may keep the file for ever.
    pub path: String,
    /// Its content type.
    pub kind: &'static str,
    /// Its content.
    pub content: &'static str,
}

/// All files that pages load.
#[derive(Debug)]
pub struct Assets {
    /// The style of all pages.
    pub style: Asset,
    /// The script of all pages.
    pub script: Asset,
    /// The icon in a browser's tab.
    pub icon: Asset,
}

impl Assets {
    /// The files of this build.
    #[must_use]
    pub fn ours() -> &'static Self {
        static OURS: LazyLock<Assets> = LazyLock::new(|| Assets {
            style: Asset::new(
                "style",
                "css",
                "text/css; charset=utf-8",
                include_str!("../assets/style.css"),
            ),
            script: Asset::new(
                "live",
                "js",
                "text/javascript; charset=utf-8",
                include_str!("../assets/live.js"),
            ),
            icon: Asset::new(
                "icon",
                "svg",
                "image/svg+xml",
                include_str!("../assets/icon.svg"),
            ),
        });
        &OURS
    }

    /// Each of them.
    pub fn all(&self) -> impl Iterator<Item = &Asset> {
        [&self.style, &self.script, &self.icon].into_iter()
    }
}

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, content: &'static str) -> Self {
        let hash = Sha256::digest(content.as_bytes());
        let short: String = hash
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path: format!("/assets/{name}-{short}.{extension}"),
            kind,
            content,
        }
    }
}

//! The versions and functions of a member of a cluster, which must be the same on client, scheduler and executor.

use std::fmt;
use std::sync::LazyLock;

use ballista_core::BALLISTA_VERSION;
use datafusion::DATAFUSION_VERSION;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::agreement::codec::PlanCodec;
use crate::agreement::session::function_registry;

/// The header that carries a member's [`About`] as text.
pub const ABOUT_HEADER: &str = "gugus-about";

/// The path at which a scheduler serves its [`SchedulerAbout`] as JSON.
pub const ABOUT_PATH: &str = "/gugus/v1/about";

/// How many digits the fingerprint has: enough to tell two sets of functions apart, and few enough for a message.
const FINGERPRINT_BYTES: usize = 6;

static OURS: LazyLock<About> = LazyLock::new(About::made);

/// The versions and functions of one member of a cluster. Two members work together only if theirs are equal, because both
/// must understand the functions and settings in a plan alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The version of Gugus.
    pub gugus: String,
    /// The version of Ballista.
    pub ballista: String,
    /// The version of DataFusion.
    pub datafusion: String,
    /// A fingerprint of the names of all functions and of the types that our codec writes.
    pub functions: String,
}

/// The answer of a scheduler at [`ABOUT_PATH`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchedulerAbout {
    /// Versions and functions.
    #[serde(flatten)]
    pub about: About,
    /// A new id after every start. If the id changes, the scheduler has forgotten everything.
    pub scheduler_id: String,
}

impl About {
    /// The versions and functions of this process.
    #[must_use]
    pub fn ours() -> &'static Self {
        &OURS
    }

    fn made() -> Self {
        let registry = function_registry();
        let mut names: Vec<String> = PlanCodec::NAMES
            .iter()
            .map(|name| format!("codec {name}"))
            .collect();
        names.extend(of_kind("scalar", registry.scalar_functions.keys()));
        names.extend(of_kind("aggregate", registry.aggregate_functions.keys()));
        names.extend(of_kind("window", registry.window_functions.keys()));
        let higher = registry.higher_order_functions.keys();
        names.extend(of_kind("higher order", higher));
        names.sort_unstable();
        let digest = Sha256::digest(names.join("\n"));
        Self {
            gugus: env!("CARGO_PKG_VERSION").to_owned(),
            ballista: BALLISTA_VERSION.to_owned(),
            datafusion: DATAFUSION_VERSION.to_owned(),
            functions: digest
                .iter()
                .take(FINGERPRINT_BYTES)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        }
    }
}

fn of_kind<'a>(
    kind: &str,
    names: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = String> {
    names.map(move |name| format!("{kind} {name}"))
}

/// The text in [`ABOUT_HEADER`] and in messages. Equal texts mean equal members.
impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            gugus,
            ballista,
            datafusion,
            functions,
        } = self;
        write!(
            f,
            "gugus {gugus} (Ballista {ballista}, DataFusion {datafusion}, functions {functions})"
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_member_describes_itself_the_same_way_every_time() {
        assert_eq!(About::made(), About::made());
        let text = About::ours().to_string();
        assert!(
            text.starts_with(concat!("gugus ", env!("CARGO_PKG_VERSION"), " (Ballista 5")),
            "{text}"
        );
        assert!(text.is_ascii());
    }

    #[test]
    fn a_scheduler_describes_itself_in_one_flat_document() {
        let about = SchedulerAbout {
            about: About::ours().clone(),
            scheduler_id: "s".to_owned(),
        };
        let text = serde_json::to_string(&about).unwrap();
        assert!(
            text.contains("\"gugus\":") && text.contains("\"scheduler_id\":\"s\""),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<SchedulerAbout>(&text).unwrap(),
            about
        );
    }
}

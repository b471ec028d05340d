//! The places of the navigation.

use gugus_look::Link;

/// Where a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Everything at a glance.
    Overview,
    /// Runs of training.
    Runs,
    /// Ballista jobs.
    Jobs,
    /// Executors.
    Executors,
    /// Batches of the stores that runs have used.
    Batches,
    /// Models of the stores that runs have used.
    Models,
    /// The scheduler's settings.
    Configuration,
}

impl Place {
    /// All places, in the order of the navigation.
    pub const ALL: [Self; 7] = [
        Self::Overview,
        Self::Runs,
        Self::Jobs,
        Self::Executors,
        Self::Batches,
        Self::Models,
        Self::Configuration,
    ];

    /// The text of the link.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Runs => "Runs",
            Self::Jobs => "Jobs",
            Self::Executors => "Executors",
            Self::Batches => "Batches",
            Self::Models => "Models",
            Self::Configuration => "Configuration",
        }
    }

    /// The path of its first page.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Runs => "/runs",
            Self::Jobs => "/jobs",
            Self::Executors => "/executors",
            Self::Batches => "/batches",
            Self::Models => "/models",
            Self::Configuration => "/configuration",
        }
    }

    /// The link that leads to it.
    #[must_use]
    pub fn link(self) -> Link {
        Link::new(self.name(), self.path())
    }
}

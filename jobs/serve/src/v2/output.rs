//! The outputs of models.

use super::datatype::Datatype;
use super::wrong::wrong;
use crate::problem::{Problem, cut};

/// What a model can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The number of the cluster; -1 where no hot spot is near.
    Cluster,
    /// The distance from the cluster.
    Distance,
}

impl Output {
    pub(crate) const ALL: [Self; 2] = [Self::Cluster, Self::Distance];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Distance => "distance",
        }
    }

    pub(crate) const fn datatype(self) -> Datatype {
        match self {
            Self::Cluster => Datatype::Int32,
            Self::Distance => Datatype::Fp64,
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, Problem> {
        let mut outputs = Self::ALL.into_iter();
        outputs.find(|output| output.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            wrong(format!(
                "there is no output {:?}; ask for {known}",
                cut(name)
            ))
        })
    }
}

/// The parameter that names shared memory.
pub(super) const SHARED_MEMORY: &str = "shared_memory_region";

/// The problem of a tensor that lies in shared memory. A caller who could name memory of this machine could read it.
pub(super) fn no_shared_memory(tensor: &str) -> Problem {
    wrong(format!(
        "tensor {:?} names shared memory; send its bytes",
        cut(tensor)
    ))
}

/// The problem of an output that is wanted as classes.
pub(super) fn no_classes() -> Problem {
    wrong("an output asks for classes; ask for \"cluster\" without them")
}

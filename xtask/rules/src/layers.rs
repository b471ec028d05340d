//! Which crate may depend on which.
//!
//! Two tables say it. [`FLOORS`] gives the arrows their direction: a crate depends only on crates of lower floors.
//! [`NEVER`] keeps a crate free of what it must not need, directly or through any other crate. Both look at what
//! libraries and binaries use; tests may use more.

use crate::metadata::{Metadata, Package};

/// Our crates from the bottom to the top. A crate may use the crates of the floors above its own line.
const FLOORS: &[(&str, &str)] = &[
    (
        "plain values and arithmetic, which need nothing of ours",
        "gugus-damage gugus-error gugus-generate gugus-kmeans gugus-look gugus-progress",
    ),
    (
        "what a few of these make up",
        "gugus-clusters gugus-http gugus-kmeans-all gugus-plot",
    ),
    (
        "the job file, which names the algorithms, and pages of plain data",
        "gugus-pages gugus-spec",
    ),
    (
        "values in the job's types, and files in any store",
        "gugus-files gugus-records",
    ),
    (
        "what lies in these files, and features of these values",
        "gugus-batches gugus-features gugus-models",
    ),
    (
        "the services without a cluster, and the seam at the cluster",
        "gugus-ingest gugus-serve gugus-submit",
    ),
    (
        "the cluster on one side of the seam, training on the other",
        "gugus-engine gugus-train",
    ),
    (
        "evaluation, which reads what training wrote",
        "gugus-evaluate",
    ),
    (
        "the scheduler, which drives runs of training",
        "gugus-scheduler",
    ),
    ("everything in one process", "gugus-up"),
    ("the same on a stand-in for Kafka", "gugus-demo"),
    ("the command line", "gugus"),
];

/// Crates, the packages that they must not reach, and the reason. A name that ends in `*` stands for all packages that
/// begin so.
const NEVER: &[(&str, &str, &str)] = &[
    (
        "gugus-clusters gugus-kmeans gugus-kmeans-all",
        "arrow* gugus-files hyper object_store parquet tokio",
        "the algorithms do no I/O: the same numbers come out on an executor, in a test and in a notebook",
    ),
    (
        "gugus-records gugus-spec",
        "object_store tokio datafusion*",
        "ingest, train and serve read job files and values by the same rules, and not each of them has an engine",
    ),
    (
        "gugus-batches gugus-files gugus-generate gugus-ingest gugus-models",
        "datafusion* ballista*",
        "records are written where no query engine runs, and ingest must build without one",
    ),
    ("gugus-batches", "gugus-models", TWO_FORMATS),
    ("gugus-models", "gugus-batches", TWO_FORMATS),
    (
        "gugus-features gugus-serve",
        "ballista*",
        "a service that predicts needs expressions and no cluster",
    ),
    (
        "gugus-evaluate gugus-submit gugus-train",
        "gugus-engine ballista*",
        "training speaks to a cluster through the trait of gugus-submit, so that its tests need none",
    ),
    (
        "gugus-plot",
        "tokio datafusion* ballista*",
        "a map is drawn from plain data: a web page draws, too",
    ),
    (
        "gugus-look gugus-pages",
        "arrow* axum ballista* datafusion* tokio",
        "pages are made from plain data, so that they build and are tested in seconds",
    ),
    (
        "gugus-http",
        "arrow* datafusion*",
        "the server loop knows nothing of what is served",
    ),
];

const TWO_FORMATS: &str = "batches and models are two formats that change apart from each other";

/// What is broken, ready to be read.
pub(crate) fn check(metadata: &Metadata) -> Vec<String> {
    let mut broken = Vec::new();
    for package in metadata.members().filter(|package| is_ours(&package.name)) {
        broken.extend(floors(metadata, package));
        broken.extend(never(metadata, package));
    }
    for gone in FLOORS.iter().flat_map(|(_, crates)| crates.split(' ')) {
        if !metadata.members().any(|package| package.name == gone) {
            broken.push(format!(
                "the workspace has no crate {gone}\n  FLOORS in xtask/rules/src/layers.rs names it: take it out there"
            ));
        }
    }
    broken
}

fn is_ours(name: &str) -> bool {
    name == "gugus" || name.starts_with("gugus-")
}

fn floor(name: &str) -> Option<usize> {
    let mut floors = FLOORS.iter();
    floors.position(|(_, crates)| crates.split(' ').any(|known| known == name))
}

fn floors(metadata: &Metadata, package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some(own) = floor(name) else {
        return vec![format!(
            "{name} stands on no floor\n  add it to FLOORS in xtask/rules/src/layers.rs, above every crate that it uses"
        )];
    };
    let used = metadata
        .uses(&package.id)
        .filter(|used| floor(&used.name).is_some_and(|floor| floor >= own));
    let told = used.map(|used| {
        format!(
            "{name} depends on {}, which does not stand below it\n  {name} is on the floor \"{}\": move what both need to a \
             lower crate, or turn the arrow round by a trait (FLOORS in xtask/rules/src/layers.rs)",
            used.name, FLOORS[own].0
        )
    });
    told.collect()
}

fn never(metadata: &Metadata, package: &Package) -> Vec<String> {
    let name = &package.name;
    let rules = NEVER.iter();
    let rules = rules.filter(|(crates, ..)| crates.split(' ').any(|known| known == name));
    let reach =
        rules.flat_map(|(_, reach, why)| reach.split(' ').map(move |unwanted| (unwanted, why)));
    let told = reach.filter_map(|(unwanted, why)| {
        let way = metadata.way(package, |name| matches(unwanted, name))?;
        Some(format!(
            "{name} reaches {}: {}\n  it must not, because {why}: give up the first arrow of that way that is ours, or put the \
             code into another crate (NEVER in xtask/rules/src/layers.rs)",
            unwanted.trim_end_matches('*'),
            way.join(" -> ")
        ))
    });
    told.collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::tests::of;

    #[test]
    fn an_arrow_upwards_and_a_forbidden_reach_are_found_with_the_way() {
        let broken = check(&of(&[
            ("gugus-kmeans", &["gugus-spec"]),
            ("gugus-spec", &["helper"]),
            ("helper", &["tokio"]),
            ("tokio", &[]),
            ("gugus-new", &[]),
        ]));
        let found = |text: &str| {
            assert!(broken.iter().any(|what| what.contains(text)), "{broken:#?}");
        };
        found("gugus-kmeans depends on gugus-spec, which does not stand below it");
        found("gugus-kmeans reaches tokio: gugus-kmeans -> gugus-spec -> helper -> tokio");
        found("gugus-spec reaches tokio: gugus-spec -> helper -> tokio");
        found("gugus-new stands on no floor");
    }

    #[test]
    fn arrows_downwards_are_no_news() {
        let metadata = of(&[("gugus-spec", &["gugus-kmeans"]), ("gugus-kmeans", &[])]);
        for package in metadata.members() {
            assert!(floors(&metadata, package).is_empty());
            assert!(never(&metadata, package).is_empty());
        }
    }
}

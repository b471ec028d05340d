//! What the tests need beyond Rust, and what is to be skipped without it.

use std::fs;
use std::path::PathBuf;

use crate::host::{Host, Strictness};
use crate::java::{self, Java};
use crate::problem::Problem;
use crate::{browser, kafka, python};

/// A Java that does for both Kafka and Spark; a distribution has one or the other.
pub(crate) const JAVA: [&str; 2] = ["openjdk-17-jre-headless", "openjdk-21-jre-headless"];

/// What the tests get to know by environment variables, and what they have to do without.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    /// Name and value of each variable for the tests.
    pub(crate) environment: Vec<(&'static str, PathBuf)>,
    /// What there is, one line each.
    pub(crate) present: Vec<String>,
    /// What there is not, what that means, and how to change it; one entry each.
    pub(crate) skipped: Vec<String>,
}

impl Setup {
    /// Says what there is and what not.
    pub(crate) fn print(&self) {
        for line in &self.present {
            eprintln!("xtask: there is {line}");
        }
        for line in &self.skipped {
            eprintln!("xtask: SKIPPED: {line}");
        }
        if !self.skipped.is_empty() {
            eprintln!(
                "xtask: all of it on Debian and Ubuntu: apt-get install default-jre-headless maven python3-venv chromium chromium-driver npm"
            );
        }
    }
}

/// Sees to everything that the tests need. Quick when all is there: stamps tell.
///
/// Where a missing piece is a failure ([`Strictness::Fail`]), the first one ends it; otherwise it is listed.
pub(crate) fn run(host: &Host) -> Result<Setup, Problem> {
    let _lock = lock(host)?;
    let mut setup = Setup::default();
    let own_broker = std::env::var_os("KAFKA_BROKERS").filter(|brokers| !brokers.is_empty());

    let mut java = java::find(&|java| java::for_kafka(java) && java::for_spark(java));
    let mut why = String::new();
    if java.is_none() {
        if let Err(problem) = host.install(&JAVA) {
            why = format!("; {problem}");
        }
        // One that does for half of the tests is better than none.
        java = java::find(&java::for_kafka).or_else(|| java::find(&java::for_spark));
    }
    if let Some(java) = &java {
        setup.environment.push(("JAVA_HOME", java.home.clone()));
    }
    let with = |fits: &dyn Fn(&Java) -> bool, wanted: &str| match &java {
        Some(java) if fits(java) => Ok(java.clone()),
        _ => Err(Problem::Missing(format!(
            "{wanted} is missing (there is {}){why}",
            java::described()
        ))),
    };

    let spark = with(&java::for_spark, "a Java that Spark 3.5 runs on, 17 or 21")
        .and_then(|java| python::environment(host, &python::TESTS).map(|python| (java, python)));
    match spark {
        Ok((java, python)) => {
            setup.environment.push(("GUGUS_TEST_PYTHON", python));
            setup.present.push(format!(
                "pyspark 3.5.5 on Java {} ({}), and kafka-python beside it",
                java.version,
                java.home.display()
            ));
        }
        Err(problem) => setup.miss(
            host,
            "the tests that let Spark load our models, and kafka-python read our topics",
            &problem,
        )?,
    }

    match python::environment(host, &python::S3) {
        Ok(python) => {
            setup.environment.push(("GUGUS_TEST_S3_PYTHON", python));
            setup
                .present
                .push("moto, a store that speaks S3".to_owned());
        }
        Err(problem) => setup.miss(host, "the tests of batches and models on s3://", &problem)?,
    }

    match browser::browser(host) {
        Ok(found) => {
            setup.present.push(format!(
                "Chromium ({}), and axe-core beside it",
                found.chromium.display()
            ));
            setup.environment.extend([
                ("GUGUS_TEST_CHROMIUM", found.chromium),
                ("GUGUS_TEST_CHROMEDRIVER", found.driver),
                ("GUGUS_TEST_AXE", found.axe),
            ]);
        }
        Err(problem) => setup.miss(host, "the test of our pages in a browser", &problem)?,
    }

    if let Some(brokers) = own_broker {
        setup.present.push(format!(
            "the Kafka at {} (KAFKA_BROKERS)",
            brokers.to_string_lossy()
        ));
        return Ok(setup);
    }
    match with(&java::for_kafka, "Java 17 or later")
        .and_then(|java| kafka::jars(host, &java).map(|jars| (java, jars)))
    {
        Ok((java, jars)) => {
            setup.environment.push(("GUGUS_TEST_KAFKA_LIBS", jars));
            setup.present.push(format!(
                "Apache Kafka on Java {} ({})",
                java.version,
                java.home.display()
            ));
        }
        Err(problem) => setup.miss(host, "the tests that use a real Apache Kafka", &problem)?,
    }
    Ok(setup)
}

/// Two of us at once would each throw away what the other installs. The lock goes with the file, and with the process.
pub(crate) fn lock(host: &Host) -> Result<fs::File, Problem> {
    let failed = |what: &str, error: std::io::Error| Problem::Failed(format!("{what}: {error}"));
    fs::create_dir_all(&host.cache).map_err(|error| failed(".cache", error))?;
    let lock =
        fs::File::create(host.cache.join("lock")).map_err(|error| failed(".cache/lock", error))?;
    lock.lock().map_err(|error| failed(".cache/lock", error))?;
    Ok(lock)
}

impl Setup {
    fn miss(&mut self, host: &Host, tests: &str, problem: &Problem) -> Result<(), Problem> {
        match host.strictness {
            Strictness::Fail => Err(Problem::Missing(format!(
                "CI=true, and {tests} cannot run: {problem}"
            ))),
            Strictness::Skip => {
                self.skipped.push(format!("{tests}: {problem}"));
                Ok(())
            }
        }
    }
}

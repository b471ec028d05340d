//! Apache Kafka's jars, by the script that developers use as well.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::host::{self, Host};
use crate::java::Java;
use crate::problem::Problem;

/// The script that fetches and runs the development Kafka.
pub(crate) fn script(host: &Host) -> PathBuf {
    host.root.join("dev/kafka/kafka")
}

/// Sees to the jars. Returns their folder.
pub(crate) fn jars(host: &Host, java: &Java) -> Result<PathBuf, Problem> {
    let libs = host.cache.join("kafka/libs");
    // The script leaves the pom with the jars that it copied by it.
    let read = |path: PathBuf| fs::read(path).ok();
    if read(libs.join("pom.xml"))
        .is_some_and(|had| Some(had) == read(host.root.join("dev/kafka/pom.xml")))
    {
        return Ok(libs);
    }
    if !host::found("mvn") {
        host.install(&["maven"]).map_err(|problem| {
            Problem::Missing(format!(
                "Maven, which fetches Kafka's jars, is missing: {problem}"
            ))
        })?;
    }
    let mut fetch = host.command(script(host));
    // Maven runs on Java as well, and a machine may have one that it does not start with.
    fetch
        .arg("fetch")
        .env("JAVA_HOME", &java.home)
        .env_remove("KAFKA_LIBS")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    host::run(fetch)?;
    Ok(libs)
}

//! `metadata/part-00000` of a model folder, as Spark 3.5.5 writes and reads it.

use gugus_kmeans::{DistanceMeasure, Params};
use gugus_spec::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The class that Spark loads.
const CLASS: &str = "org.apache.spark.ml.clustering.KMeansModel";

/// The version of Spark that our folders are like.
pub(crate) const SPARK_VERSION: &str = "3.5.5";

/// What we need of Spark's metadata.
#[derive(Debug, PartialEq)]
pub(crate) struct Metadata {
    pub(crate) uid: String,
    pub(crate) k: usize,
    pub(crate) distance_measure: DistanceMeasure,
}

#[derive(Deserialize)]
struct Line {
    class: String,
    uid: String,
    #[serde(rename = "paramMap", default)]
    set: Map<String, Value>,
    #[serde(rename = "defaultParamMap", default)]
    defaults: Map<String, Value>,
}

/// Reads the one line of metadata. The error is what is wrong, in words.
pub(crate) fn parse(bytes: &[u8]) -> Result<Metadata, String> {
    let Line {
        class,
        uid,
        set,
        defaults,
    } = serde_json::from_slice(bytes)
        .map_err(|e| format!("it is not the metadata of a Spark model: {e}"))?;
    if class != CLASS {
        return Err(format!(
            "it holds a {class}, and only a {CLASS} can be read; save that part of it alone"
        ));
    }
    let param = |name: &str| set.get(name).or_else(|| defaults.get(name));
    let k = param("k")
        .and_then(Value::as_u64)
        .and_then(|k| usize::try_from(k).ok());
    let k = k.ok_or("its params have no whole number k")?;
    let distance_measure = match param("distanceMeasure").map(|m| m.as_str().unwrap_or_default()) {
        // Spark before 2.4 had no other.
        None => DistanceMeasure::Euclidean,
        Some(name) => name
            .parse()
            .map_err(|e| format!("its params are out of range: {e}"))?,
    };
    Ok(Metadata {
        uid,
        k,
        distance_measure,
    })
}

/// A uid for a new model, in Spark's form.
pub(crate) fn new_uid(algorithm: &Algorithm) -> String {
    let prefix = algorithm.facts().uid;
    let digits = uuid::Uuid::new_v4().simple().to_string();
    // The last twelve digits are random ones, all of them.
    format!("{prefix}_{}", digits.get(20..).unwrap_or(&digits))
}

/// Params by Spark's names.
fn spark_params(params: &Params) -> Map<String, Value> {
    let all = json!({
        "k": params.k,
        "seed": params.seed,
        "maxIter": params.max_iter,
        "tol": params.tol,
        "initMode": params.init_mode.to_string(),
        "initSteps": params.init_steps,
        "distanceMeasure": params.distance_measure.to_string(),
        "solver": params.solver.to_string(),
    });
    match all {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The line that Spark writes: what was set, and all defaults.
pub(crate) fn line(
    params: &Params,
    weight_col: Option<&str>,
    uid: &str,
    milliseconds: i64,
) -> String {
    let mut defaults = spark_params(&Params::default());
    // As a user sets them: k and seed by name, others where they differ.
    let keep = |name: &str, value: &Value| {
        matches!(name, "k" | "seed") || defaults.get(name) != Some(value)
    };
    let mut set: Map<String, Value> = spark_params(params)
        .into_iter()
        .filter(|(name, value)| keep(name, value))
        .collect();
    set.extend(weight_col.map(|name| ("weightCol".to_owned(), Value::from(name))));
    for (name, value) in [
        ("featuresCol", json!("features")),
        ("predictionCol", json!("prediction")),
        ("maxBlockSizeInMB", json!(0.0)),
    ] {
        defaults.insert(name.to_owned(), value);
    }
    let line = json!({
        "class": CLASS,
        "timestamp": milliseconds,
        "sparkVersion": SPARK_VERSION,
        "uid": uid,
        "paramMap": set,
        "defaultParamMap": defaults,
    });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gugus_kmeans::{InitMode, Solver};

    #[test]
    fn what_we_write_we_read() {
        let params = Params {
            k: 7,
            seed: -3,
            distance_measure: DistanceMeasure::Cosine,
            ..Params::default()
        };
        let text = line(&params, None, "KMeans_0123456789ab", 5);
        assert_eq!(text.matches('\n').count(), 1);
        let read = parse(text.as_bytes()).unwrap();
        assert_eq!(
            read,
            Metadata {
                uid: "KMeans_0123456789ab".into(),
                k: 7,
                distance_measure: DistanceMeasure::Cosine
            }
        );
    }

    #[test]
    fn numbers_keep_the_kind_that_spark_decodes() {
        // Spark refuses a double param that is written like an integer.
        let params = Params {
            tol: 0.0,
            init_mode: InitMode::Random,
            solver: Solver::Row,
            ..Params::default()
        };
        let text = line(&params, Some("w"), "u", 5);
        for part in [
            r#""tol":0.0"#,
            r#""maxBlockSizeInMB":0.0"#,
            r#""initMode":"random""#,
            r#""weightCol":"w""#,
            r#""sparkVersion":"3.5.5""#,
            r#""timestamp":5"#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn other_models_are_named() {
        let error =
            parse(br#"{"class":"org.apache.spark.ml.PipelineModel","uid":"x"}"#).unwrap_err();
        assert!(error.contains("PipelineModel"), "{error}");
        assert!(parse(b"{}").is_err() && parse(b"").is_err());
        let no_k = format!(r#"{{"class":"{CLASS}","uid":"x","paramMap":{{}}}}"#);
        assert!(parse(no_k.as_bytes()).unwrap_err().contains('k'));
    }

    #[test]
    fn uids_are_like_sparks() {
        let uid = new_uid(&Algorithm::default());
        assert!(
            uid.len() == 19 && uid[7..].bytes().all(|b| b.is_ascii_hexdigit()),
            "{uid}"
        );
    }
}

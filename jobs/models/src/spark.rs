//! `metadata/part-00000` of a model folder, as Spark 3.5.5 writes and reads it.

use std::io::{BufRead, BufReader, Read};

use gugus_kmeans::{DistanceMeasure, Params};
use gugus_spec::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The class that Spark loads.
const CLASS: &str = "org.apache.spark.ml.clustering.KMeansModel";

/// The version of Spark that our folders are like.
pub(crate) const SPARK_VERSION: &str = "3.5.5";

/// The part of Spark's metadata that Gugus needs.
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

/// Longer metadata is no metadata. A small compressed file must not fill the memory.
const LONGEST_METADATA: u64 = 1 << 20;

/// The first line of a file of metadata, decompressed by the ending of its name, as Spark does; `None` if the file is empty.
/// The error says in words what is wrong.
pub(crate) fn first_line(file: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let decoder: Box<dyn Read + '_> = match ending {
        "gz" => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(bytes)),
        "bz2" => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        "zst" => Box::new(zstd::Decoder::new(bytes).map_err(|e| format!("{file}: {e}"))?),
        "lz4" | "snappy" => {
            return Err(format!(
                "{file} is compressed in a way that gugus does not read; let Spark write metadata as gzip or without compression"
            ));
        }
        _ => Box::new(bytes),
    };
    let mut line = Vec::new();
    let mut reader = BufReader::new(decoder.take(LONGEST_METADATA));
    match reader.read_until(b'\n', &mut line) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(line)),
        Err(e) => Err(format!("{file} cannot be decompressed: {e}")),
    }
}

/// Reads the one line of metadata. The error says in words what is wrong.
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
        // Spark before 2.4 had only this distance.
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
    // The last twelve digits are all random.
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

/// The line that Spark writes: the parameters that were set, and all defaults.
pub(crate) fn line(
    params: &Params,
    weight_col: Option<&str>,
    uid: &str,
    milliseconds: i64,
) -> String {
    let mut defaults = spark_params(&Params::default());
    // As if a user had set k, seed, and the parameters that differ from their defaults.
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
    use gugus_kmeans::{Init, InitMode, Solver};

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
    fn starts_that_spark_does_not_know_are_no_params() {
        // Spark refuses another initMode, and keys that it does not know.
        let params = Params {
            init: Init::PlusPlus,
            n_init: 4,
            ..Params::default()
        };
        let plain = line(&Params::default(), None, "u", 5);
        assert_eq!(line(&params, None, "u", 5), plain);
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
    fn the_first_line_is_read_as_spark_reads_it() {
        use std::io::Write;
        let text = b"{\"class\"}\nsecond\n";
        let line = Ok(Some(b"{\"class\"}\n".to_vec()));
        assert_eq!(first_line("metadata/part-00000", text), line);
        assert_eq!(first_line("metadata/part-00000", b""), Ok(None));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        gzip.write_all(text).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(first_line("metadata/part-00000.gz", &gzip), line);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
        zlib.write_all(text).unwrap();
        let zlib = zlib.finish().unwrap();
        assert_eq!(first_line("metadata/part-00000.deflate", &zlib), line);
        let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), Default::default());
        bzip.write_all(text).unwrap();
        assert_eq!(
            first_line("metadata/part-00000.bz2", &bzip.finish().unwrap()),
            line
        );
        let zstd = zstd::encode_all(&text[..], 0).unwrap();
        assert_eq!(first_line("metadata/part-00000.zst", &zstd), line);
        let cut = first_line("metadata/part-00000.gz", &gzip[..gzip.len() / 2]).unwrap_err();
        assert!(cut.contains("metadata/part-00000.gz"), "{cut}");
        let other = first_line("metadata/part-00000.snappy", text).unwrap_err();
        assert!(other.contains("gzip"), "{other}");
    }

    /// A few kilobytes may become gigabytes.
    #[test]
    fn a_bomb_of_metadata_is_bounded() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b' '; 3 << 20]).unwrap();
        let line = first_line("metadata/part-00000.gz", &gzip.finish().unwrap());
        assert_eq!(line.unwrap().unwrap().len() as u64, LONGEST_METADATA);
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

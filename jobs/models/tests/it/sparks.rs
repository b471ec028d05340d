//! Cases of model folders that Spark wrote, and of names and formats that are not ours.

use std::{io::Write as _, sync::Arc};

use arrow::{
    array::{
        ArrayRef, Float64Builder, Int8Array, Int32Array, Int32Builder, ListBuilder, RecordBatch,
        StructArray,
    },
    datatypes::{DataType, Field},
};
use gugus_kmeans::DistanceMeasure;
use parquet::{
    basic::Compression,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
    },
};

use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite, remove},
};
use gugus_models::{ListedModel, ModelError, ModelJson, ModelStore};

use crate::models::{batch, keep, model, overwrite_json};

const SPARK_LINE: &str = r#"{"class":"org.apache.spark.ml.clustering.KMeansModel","timestamp":1,"sparkVersion":"3.5.5","uid":"KMeans_0123456789ab","paramMap":{"k":3},"defaultParamMap":{"k":2,"distanceMeasure":"cosine"}}"#;

/// The entry by which Spark finds the types of columns, as a data file of ours has it.
async fn row_metadata() -> KeyValue {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let about = keep(&models, &model("m", None)).await;
    let file = about
        .checksums
        .keys()
        .find(|file| file.starts_with("data/"));
    let bytes = bytes_of(&store, &format!("m/all/{}", file.unwrap())).await;
    let reader = SerializedFileReader::new(bytes).unwrap();
    let entries = reader.metadata().file_metadata().key_value_metadata();
    let entry = entries
        .unwrap()
        .iter()
        .find(|entry| entry.key.ends_with("row.metadata"));
    entry.unwrap().clone()
}

/// A folder as Spark writes it, with vectors that are sparse where they can be.
pub(crate) async fn write_like_spark(store: &Store, folder: &str) {
    let element = |data_type| Field::new("element", data_type, false);
    let mut indices = ListBuilder::new(Int32Builder::new()).with_field(element(DataType::Int32));
    let mut values = ListBuilder::new(Float64Builder::new()).with_field(element(DataType::Float64));
    indices.append_value([Some(1), Some(3)]);
    values.append_value([Some(5.0), Some(6.0)]);
    indices.append_null();
    values.append_value([Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
    let vectors = StructArray::from(vec![
        (
            Arc::new(Field::new("type", DataType::Int8, false)),
            Arc::new(Int8Array::from(vec![0, 1])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("size", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![Some(4), None])),
        ),
        (
            list_field("indices", DataType::Int32),
            Arc::new(indices.finish()),
        ),
        (
            list_field("values", DataType::Float64),
            Arc::new(values.finish()),
        ),
    ]);
    let rows = RecordBatch::try_from_iter([
        (
            "clusterIdx",
            Arc::new(Int32Array::from(vec![1, 0])) as ArrayRef,
        ),
        ("clusterCenter", Arc::new(vectors)),
    ])
    .unwrap();
    let entry = row_metadata().await;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![entry]))
        .build();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    let data = writer.into_inner().unwrap();
    for (file, content) in [
        ("metadata/part-00000", SPARK_LINE.as_bytes().to_vec()),
        ("metadata/_SUCCESS", vec![]),
        ("data/part-00000-0-c000.snappy.parquet", data),
        ("data/_SUCCESS", vec![]),
    ] {
        overwrite(store, &format!("{folder}/{file}"), content).await;
    }
}

fn list_field(name: &str, element: DataType) -> Arc<Field> {
    Arc::new(Field::new(
        name,
        DataType::List(Arc::new(Field::new("element", element, false))),
        true,
    ))
}

/// Folders of Spark's, by the names that its users gave.
#[tokio::test]
async fn sparks_models_are_served_by_name() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    for folder in [
        "kmeans_model_batch_1",
        "kmeans_model_batch_12",
        "plain",
        "ours/batch_00000002",
        "_hidden",
        "a b",
    ] {
        write_like_spark(&store, folder).await;
    }
    keep(&models, &model("ours", batch(1))).await;
    let listed = models.list().await.unwrap();
    let numbers = |m: &ListedModel| m.batches.iter().map(|b| b.get()).collect::<Vec<_>>();
    let listed = listed.iter().map(|m| (m.model.as_str(), numbers(m), m.all));
    let expected = [
        ("kmeans_model", vec![1, 12], false),
        ("ours", vec![1, 2], false),
        ("plain", vec![], true),
    ];
    assert_eq!(listed.collect::<Vec<_>>(), expected);
    let names = [
        ("kmeans_model", batch(12)),
        ("plain", None),
        ("ours", batch(2)),
        ("kmeans_model_batch_1", None),
    ];
    for (name, batch) in names {
        let saved = models.read(name, batch).await.unwrap();
        assert_eq!(
            saved.fitted.centers().unwrap(),
            [vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 5.0, 0.0, 6.0]],
            "by clusterIdx"
        );
        assert!(saved.about.is_none() && saved.k == 3);
        assert_eq!(saved.fitted.distance_measure(), DistanceMeasure::Cosine);
        assert_eq!(models.stamp(name, batch).await.unwrap(), Some(saved.stamp));
    }
    assert_eq!(
        models.about(&"plain".parse().unwrap(), None).await.unwrap(),
        None,
        "it has no model.json"
    );
}

/// Spark can be told to write no marks and to compress its metadata, and loads both.
#[tokio::test]
async fn sparks_models_need_no_marks_and_may_be_compressed() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    write_like_spark(&store, "plain").await;
    for mark in ["metadata/_SUCCESS", "data/_SUCCESS"] {
        remove(&store, &format!("plain/{mark}")).await;
    }
    let stamp = models.read("plain", None).await.unwrap().stamp;
    assert_eq!(
        models.stamp("plain", None).await.unwrap(),
        Some(stamp.clone())
    );
    assert!(models.list().await.unwrap()[0].all);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(SPARK_LINE.as_bytes()).unwrap();
    remove(&store, "plain/metadata/part-00000").await;
    overwrite(
        &store,
        "plain/metadata/part-00000.gz",
        gzip.finish().unwrap(),
    )
    .await;
    // Files that Spark does not read: hidden ones, and empty parts.
    overwrite(&store, "plain/metadata/.part-00000.gz.crc", &b"crc"[..]).await;
    overwrite(&store, "plain/data/part-00001.parquet", &b""[..]).await;
    let saved = models.read("plain", None).await.unwrap();
    assert_eq!((saved.k, saved.fitted.clusters()), (3, 2));
    let data = "plain/data/part-00000-0-c000.snappy.parquet";
    let renamed = data.replace("-0-", "-1-");
    overwrite(&store, &renamed, bytes_of(&store, data).await).await;
    remove(&store, data).await;
    assert_ne!(models.stamp("plain", None).await.unwrap(), Some(stamp));
}

/// A folder that looks like a model and is none has a reason. No file is opened for that.
#[tokio::test]
async fn folders_that_are_no_models_have_a_reason() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    for folder in ["whole", "a b", "_hidden", "writing_batch_7", "copied"] {
        write_like_spark(&store, folder).await;
    }
    for part in ["_SUCCESS", "part-00000-0-c000.snappy.parquet"] {
        remove(&store, &format!("writing_batch_7/data/{part}")).await;
    }
    overwrite(
        &store,
        "writing_batch_7/data/_temporary/0/part-00000",
        &b"x"[..],
    )
    .await;
    for file in ["_SUCCESS", "part-00000"] {
        remove(&store, &format!("copied/metadata/{file}")).await;
    }
    overwrite(&store, "copied/metadata/x/y", &b""[..]).await;
    overwrite(&store, "notes/data/table.csv", &b""[..]).await;
    keep(&models, &model("ours", batch(1))).await;
    remove(&store, "ours/batch_00000001/_SUCCESS").await;
    let survey = models.survey().await.unwrap();
    let listed: Vec<_> = survey.models.iter().map(|m| m.model.as_str()).collect();
    assert_eq!(listed, ["whole"]);
    for (folder, model, part) in [
        ("a b", "a b", "rename"),
        ("copied", "copied", "no file in metadata/"),
        ("ours/batch_00000001", "ours", "train the model again"),
        ("writing_batch_7", "writing", "no file in data/"),
    ] {
        let found = survey.unusable.iter().find(|it| it.folder == folder);
        let found = found.unwrap_or_else(|| panic!("{folder} in {survey:?}"));
        assert_eq!(found.model, model);
        assert!(found.reason.contains(part), "{found:?}");
    }
    assert_eq!(survey.unusable.len(), 4, "{survey:?}");
    for (model, batch) in [("writing", batch(7)), ("copied", None), ("ours", batch(1))] {
        let absent = models.read(model, batch).await.unwrap_err();
        assert!(matches!(absent, ModelError::NotFound { .. }), "{absent}");
    }
}

/// Names come from requests.
#[tokio::test]
async fn names_never_lead_out_of_the_folder() {
    let store = Store::in_memory();
    write_like_spark(&store, "outside").await;
    let inner = Store::on_objects(
        store.object_store(),
        store.object_path("inside"),
        store.registry_url(),
    );
    let models = ModelStore::new(inner);
    write_like_spark(&store, "inside/.tmp").await;
    let long = "x".repeat(100_000);
    let names = "../outside|..|.||/outside|x/../../outside|..%2foutside|.tmp|a\0b|ä|inside/.tmp";
    for name in names.split('|').chain([long.as_str()]) {
        for batch in [None, batch(1)] {
            let refused = models.read(name, batch).await.unwrap_err();
            assert!(
                matches!(refused, ModelError::NotFound { .. }),
                "{name:?}: {refused}"
            );
            assert!(refused.to_string().len() < 300);
            assert_eq!(models.stamp(name, batch).await.unwrap(), None);
        }
    }
    assert_eq!(models.list().await.unwrap(), []);
}

/// Files that are whole, and not for us.
#[tokio::test]
async fn other_formats_say_what_they_are() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    write_like_spark(&store, "pipeline").await;
    let line = SPARK_LINE.replace("clustering.KMeansModel", "PipelineModel");
    overwrite(&store, "pipeline/metadata/part-00000", line.into_bytes()).await;
    let refused = models.read("pipeline", None).await.unwrap_err();
    assert!(matches!(refused, ModelError::Format { .. }), "{refused}");
    assert!(refused.to_string().contains("PipelineModel"), "{refused}");

    write_like_spark(&store, "cut").await;
    let data = "cut/data/part-00000-0-c000.snappy.parquet";
    overwrite(&store, data, &b"PAR1"[..]).await;
    let refused = models.read("cut", None).await;
    assert_is!(refused, Err(ModelError::Format { .. }));

    let about = keep(&models, &model("new", batch(1))).await;
    let newer = serde_json::to_vec(&ModelJson {
        version: 2,
        ..about
    })
    .unwrap();
    overwrite_json(&store, "new/batch_00000001", newer).await;
    let refused = models.read("new", batch(1)).await.unwrap_err();
    assert!(refused.to_string().contains("upgrade"), "{refused}");
    let refused = models.about(&"new".parse().unwrap(), batch(1)).await;
    assert!(
        matches!(refused, Err(ModelError::Format { .. })),
        "a newer model must not pass for none: {refused:?}"
    );
}

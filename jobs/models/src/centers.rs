//! `data/*.parquet` of a model folder: one row per cluster, with the center as Spark's VectorUDT.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Float64Array, Int8Array, Int32Array, ListArray, RecordBatch,
        StructArray, new_null_array,
    },
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Fields, Float64Type, Int8Type, Int32Type, Schema},
};
use bytes::Bytes;
use gugus_files::{Pages, catch_panic};
use parquet::{
    arrow::{
        ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder,
        arrow_writer::ArrowWriterOptions,
    },
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
};

use crate::spark::SPARK_VERSION;

/// The entry from which Spark reads the types of columns.
pub(crate) const ROW_METADATA_KEY: &str = "org.apache.spark.sql.parquet.row.metadata";

/// The value of that entry. Without it Spark reads a struct instead of a vector, and refuses the model.
pub(crate) const ROW_METADATA: &str = r#"{"type":"struct","fields":[{"name":"clusterIdx","type":"integer","nullable":false,"metadata":{}},{"name":"clusterCenter","type":{"type":"udt","class":"org.apache.spark.ml.linalg.VectorUDT","pyClass":"pyspark.ml.linalg.VectorUDT","sqlType":{"type":"struct","fields":[{"name":"type","type":"byte","nullable":false,"metadata":{}},{"name":"size","type":"integer","nullable":true,"metadata":{}},{"name":"indices","type":{"type":"array","elementType":"integer","containsNull":false},"nullable":true,"metadata":{}},{"name":"values","type":{"type":"array","elementType":"double","containsNull":false},"nullable":true,"metadata":{}}]}},"nullable":true,"metadata":{}}]}"#;

/// No real model has so many dimensions. A larger number in a file is damage, and must not become an allocation.
const MOST_DIMENSIONS: usize = 1 << 24;

/// The `type` of a vector that lists only the numbers that are not zero.
const SPARSE: i8 = 0;
/// The `type` of a vector that lists all numbers.
const DENSE: i8 = 1;

fn element(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", data_type, false))
}

fn vector_fields() -> Fields {
    Fields::from(vec![
        Field::new("type", DataType::Int8, false),
        Field::new("size", DataType::Int32, true),
        Field::new("indices", DataType::List(element(DataType::Int32)), true),
        Field::new("values", DataType::List(element(DataType::Float64)), true),
    ])
}

/// The file that Spark would write for these centers: dense vectors, snappy.
pub(crate) fn to_parquet(centers: &[Vec<f64>]) -> Result<Bytes, ParquetError> {
    let rows = centers.len();
    let count = i32::try_from(rows).map_err(|e| ParquetError::General(e.to_string()))?;
    let numbers = Float64Array::from_iter_values(centers.iter().flatten().copied());
    let lengths = OffsetBuffer::from_lengths(centers.iter().map(Vec::len));
    let values = ListArray::try_new(element(DataType::Float64), lengths, Arc::new(numbers), None)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from(vec![DENSE; rows])),
        new_null_array(&DataType::Int32, rows),
        new_null_array(&DataType::List(element(DataType::Int32)), rows),
        Arc::new(values),
    ];
    let vectors = StructArray::try_new(vector_fields(), columns, None)?;
    let schema = Arc::new(Schema::new(vec![
        Field::new("clusterIdx", DataType::Int32, false),
        Field::new("clusterCenter", DataType::Struct(vector_fields()), true),
    ]));
    let indices = Int32Array::from_iter_values(0..count);
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![Arc::new(indices), Arc::new(vectors)],
    )?;
    let entries = [
        (ROW_METADATA_KEY, ROW_METADATA),
        ("org.apache.spark.version", SPARK_VERSION),
    ];
    let entries = entries.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    // Dictionaries, page indexes and page statistics help to read a part of a file. These files are always read whole, and
    // making such extras takes longer than writing the centers.
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(entries.to_vec()))
        .build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true)
        .with_schema_root("spark_schema".to_owned());
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options)?;
    writer.write(&batch)?;
    writer.into_inner().map(Bytes::from)
}

/// The centers of all data files of a model, in the order of their clusters. The error says in words what is wrong.
pub(crate) fn from_parquet(files: Vec<Bytes>) -> Result<Vec<Vec<f64>>, String> {
    let mut found: Vec<(i32, Vec<f64>)> = Vec::new();
    for file in files {
        let batches = catch_panic(|| {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
            Pages::check(&file, reader.metadata())?;
            Ok(reader.build()?.collect::<Result<Vec<_>, _>>()?)
        });
        for batch in batches.map_err(|e| format!("it is not a whole parquet file: {e}"))? {
            read_rows(&batch, &mut found)?;
        }
    }
    found.sort_by_key(|(index, _)| *index);
    let dimensions = found
        .first()
        .map(|(_, center)| center.len())
        .ok_or("it holds no center")?;
    if dimensions == 0 {
        return Err("its centers have no dimensions".to_owned());
    }
    for (position, (index, center)) in found.iter().enumerate() {
        if usize::try_from(*index) != Ok(position) {
            return Err(format!("cluster {position} is missing or there twice"));
        }
        if center.len() != dimensions {
            return Err(format!(
                "center {index} has {} dimensions, center 0 has {dimensions}",
                center.len()
            ));
        }
        if center.iter().any(|x| !x.is_finite()) {
            return Err(format!("center {index} is not finite"));
        }
    }
    Ok(found.into_iter().map(|(_, center)| center).collect())
}

fn read_rows(batch: &RecordBatch, found: &mut Vec<(i32, Vec<f64>)>) -> Result<(), String> {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| format!("it has no column {name}"))
    };
    let wrong = |name: &str| format!("column {name} is not what a KMeansModel has there");
    let indices = column("clusterIdx")?
        .as_primitive_opt::<Int32Type>()
        .ok_or_else(|| wrong("clusterIdx"))?;
    let vectors = column("clusterCenter")?
        .as_struct_opt()
        .ok_or_else(|| wrong("clusterCenter"))?;
    let part = |name: &str| {
        vectors
            .column_by_name(name)
            .ok_or_else(|| wrong("clusterCenter"))
    };
    let kinds = part("type")?
        .as_primitive_opt::<Int8Type>()
        .ok_or_else(|| wrong("clusterCenter.type"))?;
    let sizes = part("size")?
        .as_primitive_opt::<Int32Type>()
        .ok_or_else(|| wrong("clusterCenter.size"))?;
    let positions = part("indices")?
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong("clusterCenter.indices"))?;
    let values = part("values")?
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong("clusterCenter.values"))?;
    for row in 0..batch.num_rows() {
        let bad = || format!("the center in row {row} is not a vector");
        if indices.is_null(row) || vectors.is_null(row) || kinds.is_null(row) || values.is_null(row)
        {
            return Err(bad());
        }
        let values = values.value(row);
        let values = values
            .as_primitive_opt::<Float64Type>()
            .filter(|v| v.null_count() == 0)
            .ok_or_else(bad)?;
        let center = match kinds.value(row) {
            DENSE => values.values().to_vec(),
            SPARSE if sizes.is_valid(row) && positions.is_valid(row) => {
                let positions = positions.value(row);
                let positions = positions.as_primitive_opt::<Int32Type>().ok_or_else(bad)?;
                scatter(sizes.value(row), positions.values(), values.values()).ok_or_else(bad)?
            }
            _ => return Err(bad()),
        };
        found.push((indices.value(row), center));
    }
    Ok(())
}

fn scatter(size: i32, positions: &[i32], values: &[f64]) -> Option<Vec<f64>> {
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size <= MOST_DIMENSIONS)?;
    if positions.len() != values.len() {
        return None;
    }
    let mut dense = vec![0.0; size];
    for (position, value) in positions.iter().zip(values) {
        *dense.get_mut(usize::try_from(*position).ok()?)? = *value;
    }
    Some(dense)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn centers_come_back_bit_for_bit(centers in (1_usize..5).prop_flat_map(|d|
            prop::collection::vec(prop::collection::vec(-1e300_f64..1e300, d), 1..9))) {
            let file = to_parquet(&centers).unwrap();
            prop_assert_eq!(from_parquet(vec![file]).unwrap(), centers);
        }
    }

    /// Every byte is changed in three ways. Some changes make the parquet crate panic, so decoding is guarded.
    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let whole = to_parquet(&[vec![1.0, 2.0], vec![3.0, 4.0]]).unwrap();
        let mut errors = 0;
        for at in 0..whole.len() {
            for byte in [0, whole[at] ^ 1, !whole[at]] {
                let mut file = whole.to_vec();
                file[at] = byte;
                // Pages have no checksum of their own, so some damage passes here; that in model.json finds it.
                errors += usize::from(from_parquet(vec![file.into()]).is_err());
            }
        }
        assert!(errors > whole.len() / 10, "only {errors}");
    }

    #[test]
    fn sparse_vectors_are_spread() {
        assert_eq!(
            scatter(4, &[1, 3], &[5.0, 6.0]),
            Some(vec![0.0, 5.0, 0.0, 6.0])
        );
        assert_eq!(scatter(4, &[4], &[5.0]), None);
        assert_eq!(scatter(4, &[-1], &[5.0]), None);
        assert_eq!(scatter(-1, &[], &[]), None);
        assert_eq!(scatter(i32::MAX, &[], &[]), None);
        assert_eq!(scatter(4, &[1, 2], &[5.0]), None);
    }

    #[test]
    fn several_files_are_one_model() {
        let file = to_parquet(&[vec![1.0]]).unwrap();
        let twice = from_parquet(vec![file.clone(), file]).unwrap_err();
        assert!(twice.contains("twice"), "{twice}");
        assert!(from_parquet(vec![]).is_err());
    }

    #[test]
    fn the_schema_is_sparks() {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        let reader = SerializedFileReader::new(to_parquet(&[vec![1.0, 2.0]]).unwrap()).unwrap();
        let mut text = Vec::new();
        parquet::schema::printer::print_schema(
            &mut text,
            reader.metadata().file_metadata().schema(),
        );
        let expected = "message spark_schema {
  REQUIRED INT32 clusterIdx;
  OPTIONAL group clusterCenter {
    REQUIRED INT32 type (INTEGER(8,true));
    OPTIONAL INT32 size;
    OPTIONAL group indices (LIST) {
      REPEATED group list {
        REQUIRED INT32 element;
      }
    }
    OPTIONAL group values (LIST) {
      REPEATED group list {
        REQUIRED DOUBLE element;
      }
    }
  }
}
";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        let entries = reader
            .metadata()
            .file_metadata()
            .key_value_metadata()
            .unwrap();
        let keys: Vec<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "org.apache.spark.sql.parquet.row.metadata",
                "org.apache.spark.version"
            ]
        );
    }
}

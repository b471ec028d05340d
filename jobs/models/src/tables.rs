//! `data/*.parquet` of models that Spark does not have: core points and Gaussians, as plain columns that any Parquet reader
//! can read.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, ListArray, RecordBatch},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Float64Type, Int32Type},
};
use bytes::Bytes;
use gugus_clusters::{CorePoint, Gaussian};
use gugus_files::catch_panic;
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::Compression,
    errors::ParquetError,
    file::properties::WriterProperties,
};

/// The file of core points: `cluster` int32, `point` list of float64.
pub(crate) const CORE_POINTS: &str = "data/core_points.parquet";
/// The file of Gaussians, by cluster: `weight` float64, `mean` and `covariance` lists of float64.
pub(crate) const GAUSSIANS: &str = "data/gaussians.parquet";

pub(crate) fn core_points(points: &[CorePoint]) -> Result<Bytes, ParquetError> {
    let clusters: Result<Vec<i32>, _> = points.iter().map(|p| i32::try_from(p.cluster)).collect();
    let clusters = clusters.map_err(|e| ParquetError::General(e.to_string()))?;
    to_parquet([
        ("cluster", Arc::new(Int32Array::from(clusters))),
        ("point", lists(points.iter().map(|p| p.at.as_slice()))?),
    ])
}

pub(crate) fn gaussians(gaussians: &[Gaussian]) -> Result<Bytes, ParquetError> {
    let weights = gaussians.iter().map(|g| g.weight);
    to_parquet([
        ("weight", Arc::new(Float64Array::from_iter_values(weights))),
        ("mean", lists(gaussians.iter().map(|g| g.mean.as_slice()))?),
        (
            "covariance",
            lists(gaussians.iter().map(|g| g.covariance.as_slice()))?,
        ),
    ])
}

/// Reads a file that [`core_points`] wrote. The error says in words what is wrong.
pub(crate) fn read_core_points(file: Bytes) -> Result<Vec<CorePoint>, String> {
    let mut points = Vec::new();
    for batch in batches(file)? {
        let clusters = column(&batch, "cluster")?
            .as_primitive_opt::<Int32Type>()
            .ok_or("column cluster is not int32")?;
        let places = numbers(&batch, "point")?;
        for (cluster, at) in clusters.values().iter().zip(places) {
            let cluster = usize::try_from(*cluster).map_err(|_| "a cluster is negative")?;
            points.push(CorePoint { cluster, at });
        }
    }
    Ok(points)
}

/// Reads a file that [`gaussians`] wrote. The error says in words what is wrong.
pub(crate) fn read_gaussians(file: Bytes) -> Result<Vec<Gaussian>, String> {
    let mut gaussians = Vec::new();
    for batch in batches(file)? {
        let weights = column(&batch, "weight")?
            .as_primitive_opt::<Float64Type>()
            .ok_or("column weight is not float64")?;
        let shapes = numbers(&batch, "mean")?
            .into_iter()
            .zip(numbers(&batch, "covariance")?);
        for (weight, (mean, covariance)) in weights.values().iter().zip(shapes) {
            gaussians.push(Gaussian {
                weight: *weight,
                mean,
                covariance,
            });
        }
    }
    Ok(gaussians)
}

fn lists<'a>(rows: impl Iterator<Item = &'a [f64]> + Clone) -> Result<ArrayRef, ParquetError> {
    let lengths = OffsetBuffer::from_lengths(rows.clone().map(<[f64]>::len));
    let values = Float64Array::from_iter_values(rows.flatten().copied());
    let element = Arc::new(Field::new("element", DataType::Float64, false));
    let lists = ListArray::try_new(element, lengths, Arc::new(values), None)?;
    Ok(Arc::new(lists))
}

fn to_parquet<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<Bytes, ParquetError> {
    let columns = columns.map(|(name, column)| (name, column, false));
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner().map(Bytes::from)
}

fn batches(file: Bytes) -> Result<Vec<RecordBatch>, String> {
    let read = || {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?;
        Ok(reader.collect::<Result<Vec<_>, _>>()?)
    };
    catch_panic(read).map_err(|e| format!("it is not a whole parquet file: {e}"))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, String> {
    batch
        .column_by_name(name)
        .filter(|column| column.null_count() == 0)
        .map(|column| &**column)
        .ok_or_else(|| format!("it has no column {name} without nulls"))
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<Vec<f64>>, String> {
    let wrong = || format!("column {name} does not hold lists of float64");
    let lists = column(batch, name)?
        .as_list_opt::<i32>()
        .ok_or_else(wrong)?;
    (0..lists.len())
        .map(|row| {
            let list = lists.value(row);
            let values = list.as_primitive_opt::<Float64Type>();
            let values = values.filter(|v| v.null_count() == 0).ok_or_else(wrong)?;
            Ok(values.values().to_vec())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back_bit_for_bit(rows in prop::collection::vec((0_usize..9, prop::collection::vec(any::<f64>(), 0..4)), 0..9)) {
            let bits = |rows: &[Vec<f64>]| -> Vec<Vec<u64>> {
                rows.iter().map(|row| row.iter().map(|x| x.to_bits()).collect()).collect()
            };
            let points: Vec<_> = rows.iter().map(|(cluster, at)| CorePoint { cluster: *cluster, at: at.clone() }).collect();
            let read = read_core_points(core_points(&points).unwrap()).unwrap();
            let at = |points: &[CorePoint]| bits(&points.iter().map(|p| p.at.clone()).collect::<Vec<_>>());
            prop_assert_eq!(at(&read), at(&points));
            prop_assert!(read.iter().zip(&points).all(|(a, b)| a.cluster == b.cluster));

            let shapes: Vec<_> = rows.iter().map(|(n, at)| Gaussian { weight: *n as f64 / 3.0, mean: at.clone(), covariance: at.repeat(2) }).collect();
            let read = read_gaussians(gaussians(&shapes).unwrap()).unwrap();
            let covariances = |shapes: &[Gaussian]| bits(&shapes.iter().map(|g| g.covariance.clone()).collect::<Vec<_>>());
            prop_assert_eq!(covariances(&read), covariances(&shapes));
            prop_assert!(read.iter().zip(&shapes).all(|(a, b)| a.weight == b.weight));
        }
    }

    #[test]
    fn other_files_say_what_they_lack() {
        let points = core_points(&[CorePoint {
            cluster: 0,
            at: vec![1.0],
        }]);
        let error = read_gaussians(points.unwrap()).unwrap_err();
        assert_eq!(error, "it has no column weight without nulls");
        assert!(read_core_points(Bytes::from_static(b"PAR1")).is_err());
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let shape = Gaussian {
            weight: 1.0,
            mean: vec![1.0, 2.0],
            covariance: vec![1.0; 4],
        };
        let whole = gaussians(&[shape]).unwrap();
        let mut errors = 0;
        for at in 0..whole.len() {
            let mut file = whole.to_vec();
            file[at] = !file[at];
            errors += usize::from(read_gaussians(file.into()).is_err());
        }
        assert!(errors > whole.len() / 20, "only {errors}");
    }
}

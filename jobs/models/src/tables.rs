//! `data/*.parquet` of models that Spark does not have: plain columns, which any reader of Parquet takes.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, ListArray, RecordBatch},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Float64Type, Int32Type},
};
use bytes::Bytes;
use gugus_clusters::{Cells, Holds, TableLayout};
use gugus_files::{Pages, catch_panic};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::Compression,
    errors::ParquetError,
    file::properties::WriterProperties,
};

/// The path of a table in its folder.
pub(crate) fn path(layout: &TableLayout) -> String {
    format!("data/{}.parquet", layout.name)
}

/// A table as Parquet: numbers of clusters as int32, other numbers as float64.
pub(crate) fn write(layout: &TableLayout, table: Vec<Cells>) -> Result<Bytes, ParquetError> {
    let mut columns = Vec::with_capacity(table.len());
    for ((name, _), cells) in layout.columns.iter().zip(table) {
        let column: ArrayRef = match cells {
            Cells::Clusters(clusters) => {
                let numbers: Result<Vec<i32>, _> =
                    clusters.into_iter().map(i32::try_from).collect();
                let numbers = numbers.map_err(|e| ParquetError::General(e.to_string()))?;
                Arc::new(Int32Array::from(numbers))
            }
            Cells::Numbers(numbers) => Arc::new(Float64Array::from(numbers)),
            Cells::Lists(rows) => {
                let lengths = OffsetBuffer::from_lengths(rows.iter().map(Vec::len));
                let values = Float64Array::from_iter_values(rows.into_iter().flatten());
                let element = Arc::new(Field::new("element", DataType::Float64, false));
                Arc::new(ListArray::try_new(
                    element,
                    lengths,
                    Arc::new(values),
                    None,
                )?)
            }
        };
        columns.push((*name, column, false));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner().map(Bytes::from)
}

/// The columns that [`write`] wrote. The error says what is wrong, in words.
pub(crate) fn read(layout: &TableLayout, file: Bytes) -> Result<Vec<Cells>, String> {
    let batches = batches(file)?;
    let cells = |(name, holds): &(&str, Holds)| {
        Ok(match holds {
            Holds::Clusters => Cells::Clusters(each(&batches, name, clusters)?),
            Holds::Numbers => Cells::Numbers(each(&batches, name, numbers)?),
            Holds::Lists => Cells::Lists(each(&batches, name, lists)?),
        })
    };
    layout.columns.iter().map(cells).collect()
}

/// The values of a column of all record batches.
fn each<T>(
    batches: &[RecordBatch],
    name: &str,
    values: fn(&dyn Array, &str) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, String> {
    let mut all = Vec::new();
    for batch in batches {
        all.extend(values(column(batch, name)?, name)?);
    }
    Ok(all)
}

fn clusters(column: &dyn Array, name: &str) -> Result<Vec<usize>, String> {
    let numbers = column.as_primitive_opt::<Int32Type>();
    let numbers = numbers.ok_or_else(|| format!("column {name} is not int32"))?;
    let clusters = numbers.values().iter().map(|n| usize::try_from(*n));
    clusters
        .collect::<Result<_, _>>()
        .map_err(|_| format!("column {name} has a negative number"))
}

fn numbers(column: &dyn Array, name: &str) -> Result<Vec<f64>, String> {
    let numbers = column.as_primitive_opt::<Float64Type>();
    let numbers = numbers.ok_or_else(|| format!("column {name} is not float64"))?;
    Ok(numbers.values().to_vec())
}

fn batches(file: Bytes) -> Result<Vec<RecordBatch>, String> {
    let read = || {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
        Pages::check(&file, reader.metadata())?;
        Ok(reader.build()?.collect::<Result<Vec<_>, _>>()?)
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

fn lists(column: &dyn Array, name: &str) -> Result<Vec<Vec<f64>>, String> {
    let wrong = || format!("column {name} does not hold lists of float64");
    let lists = column.as_list_opt::<i32>().ok_or_else(wrong)?;
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

    const POINTS: TableLayout = TableLayout {
        name: "points",
        columns: &[("cluster", Holds::Clusters), ("point", Holds::Lists)],
    };
    const SHAPES: TableLayout = TableLayout {
        name: "shapes",
        columns: &[("weight", Holds::Numbers), ("mean", Holds::Lists)],
    };

    proptest! {
        #[test]
        fn numbers_come_back_bit_for_bit(rows in prop::collection::vec((0_usize..9, any::<f64>(), prop::collection::vec(any::<f64>(), 0..4)), 0..9)) {
            let clusters = Cells::Clusters(rows.iter().map(|row| row.0).collect());
            let weights = Cells::Numbers(rows.iter().map(|row| row.1).collect());
            let lists = Cells::Lists(rows.iter().map(|row| row.2.clone()).collect());
            // Bits, because a NaN is not equal to itself.
            let bits = |table: &[Cells]| -> Vec<Vec<u64>> {
                table.iter().map(|cells| match cells {
                    Cells::Clusters(clusters) => clusters.iter().map(|n| *n as u64).collect(),
                    Cells::Numbers(numbers) => numbers.iter().map(|x| x.to_bits()).collect(),
                    Cells::Lists(lists) => lists.iter().flat_map(|list| {
                        let values = list.iter().map(|x| x.to_bits());
                        std::iter::once(list.len() as u64).chain(values)
                    }).collect(),
                }).collect()
            };
            for (layout, table) in [(POINTS, vec![clusters, lists.clone()]), (SHAPES, vec![weights, lists])] {
                let back = read(&layout, write(&layout, table.clone()).unwrap()).unwrap();
                prop_assert_eq!(bits(&back), bits(&table));
            }
        }
    }

    fn one_point() -> Bytes {
        let table = vec![Cells::Clusters(vec![0]), Cells::Lists(vec![vec![1.0]])];
        write(&POINTS, table).unwrap()
    }

    #[test]
    fn other_files_say_what_they_lack() {
        let error = read(&SHAPES, one_point()).unwrap_err();
        assert_eq!(error, "it has no column weight without nulls");
        assert!(read(&POINTS, Bytes::from_static(b"PAR1")).is_err());
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let table = vec![
            Cells::Numbers(vec![1.0]),
            Cells::Lists(vec![vec![1.0, 2.0]]),
        ];
        let complete = write(&SHAPES, table).unwrap();
        let mut errors = 0;
        for at in 0..complete.len() {
            let mut file = complete.to_vec();
            file[at] = !file[at];
            errors += usize::from(read(&SHAPES, file.into()).is_err());
        }
        assert!(errors > complete.len() / 20, "only {errors}");
    }
}

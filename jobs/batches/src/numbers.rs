//! How a column of 64-bit floats is stored, by what lies in it.
//!
//! The parquet crate writes a dictionary and compresses, whatever the values are. That suits text and numbers that come again.
//! Measured numbers that hardly ever come again make a dictionary as long as the column, and their digits do not compress. Then
//! both cost time in each training, and save nothing. So a sample of the column decides.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use parquet::basic::Compression;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::schema::types::ColumnPath;

/// How many values are looked at for equal ones. With so many, fewer than [`EQUAL_AT_MOST`] of them have an equal if the column
/// has each value once or twice.
const SAMPLE: usize = 1024;

/// A column with more equal values among the sample than this gets a dictionary.
const EQUAL_AT_MOST: usize = 8;

/// How many values are compressed to see whether it pays: 64 KiB.
const COMPRESSED: usize = 8192;

/// Compression has to save a tenth.
const LENGTH_AT_MOST: (usize, usize) = (9, 10);

/// Leaves out the dictionary and the compression of the columns of `rows` where they save nothing.
pub(crate) fn stored(
    mut properties: WriterPropertiesBuilder,
    rows: &RecordBatch,
) -> WriterPropertiesBuilder {
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        let Some(numbers) = column.as_primitive_opt::<Float64Type>() else {
            continue;
        };
        if column.null_count() > 0 || !are_distinct(numbers.values()) {
            continue;
        }
        let path = ColumnPath::new(vec![field.name().clone()]);
        if !compress(numbers.values()) {
            properties = properties.set_column_compression(path.clone(), Compression::UNCOMPRESSED);
        }
        properties = properties.set_column_dictionary_enabled(path, false);
    }
    properties
}

/// Whether hardly any value comes again.
fn are_distinct(values: &[f64]) -> bool {
    if values.len() < SAMPLE {
        return false;
    }
    let mut sample: Vec<u64> = (0..SAMPLE)
        .map(|at| values[at * values.len() / SAMPLE].to_bits())
        .collect();
    sample.sort_unstable();
    sample.dedup();
    SAMPLE - sample.len() <= EQUAL_AT_MOST
}

/// Whether the digits of the values compress.
fn compress(values: &[f64]) -> bool {
    let first = values.len().saturating_sub(COMPRESSED) / 2;
    let middle = &values[first..][..values.len().min(COMPRESSED)];
    let bytes: Vec<u8> = middle
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let (part, whole) = LENGTH_AT_MOST;
    zstd::bulk::compress(&bytes, zstd::DEFAULT_COMPRESSION_LEVEL)
        .is_ok_and(|compressed| compressed.len() * whole <= bytes.len() * part)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Encoding, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    use super::*;

    /// Whether a column with these numbers has a dictionary, and whether it is compressed.
    fn written(numbers: Float64Array) -> (bool, bool) {
        let column: ArrayRef = Arc::new(numbers);
        // A dot in a name is no path.
        let rows = RecordBatch::try_from_iter([("a.b", column)]).unwrap();
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(zstd);
        let properties = stored(properties, &rows).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        let metadata = writer.finish().unwrap();
        let column = metadata.row_group(0).column(0);
        let dictionary = column.encodings().any(|e| e == Encoding::RLE_DICTIONARY);
        let uncompressed = column.compression() == Compression::UNCOMPRESSED;
        assert!(uncompressed || column.compression() == zstd);
        (dictionary, !uncompressed)
    }

    /// Digits without a pattern (Knuth's multiplier).
    fn digits(row: u64) -> f64 {
        (row.wrapping_mul(6_364_136_223_846_793_005) >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn numbers_are_stored_by_what_they_are() {
        let each = |number: fn(u64) -> f64| (0..20_000).map(number).collect::<Vec<f64>>();
        let measured = each(|row| digits(row + 1));
        assert_eq!(written(measured.clone().into()), (false, false));
        let counted = each(|row| row as f64);
        assert_eq!(written(counted.into()), (false, true));
        let again = each(|row| digits(row % 5_000 + 1));
        assert_eq!(written(again.into()), (true, true));
        let one = each(|_| 34.0);
        assert_eq!(written(one.into()), (true, true));
        let few = measured[..SAMPLE - 1].to_vec();
        assert_eq!(written(few.into()), (true, true));
        let with_null = measured.into_iter().map(Some).chain([None]);
        assert_eq!(written(with_null.collect()), (true, true));
    }
}

//! A job as text for people: the output of `gugus job check`.

use std::fmt;

use bytesize::ByteSize;

use crate::{
    ColumnType, CsvFormat, Feature, Format, HandleInvalid, Job, Nullability, OtherColumns, Promote,
    Scope,
};

/// Several lines. The last one has no line feed.
impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        writeln!(f, "job {}", self.name)?;
        writeln!(f, "topic {}", source.topic)?;
        let CsvFormat {
            delimiter,
            escape,
            header,
        } = &source.csv;
        let delimiter = char::from(*delimiter);
        if source.format == Format::Csv {
            write!(f, "records are CSV, {delimiter:?} between cells, ")?;
            match header {
                Some(header) => writeln!(f, "in the order {header:?}")?,
                None => writeln!(f, "in the order of the columns")?,
            }
        } else if delimiter != ',' {
            writeln!(f, "files of CSV have {delimiter:?} between cells")?;
        }
        if let Some(escape) = escape {
            let escape = char::from(*escape);
            writeln!(f, "in cells of CSV, {escape:?} stands before a quote")?;
        }
        if !source.null_values.is_empty() {
            writeln!(f, "no value is also written {:?}", source.null_values)?;
        }
        for kept in &source.keep {
            writeln!(f, "batches keep {:?} of each record", kept.column())?;
        }
        let others = match source.other_columns {
            OtherColumns::Utf8 => "all others are kept as text",
            OtherColumns::Drop => "all others are dropped",
        };
        writeln!(f, "columns {}, {others}", source.columns.len())?;
        for column in &source.columns {
            write!(f, "  {:?} {}", column.name, column.data_type)?;
            if let ColumnType::Timestamp { formats, timezone } = &column.data_type {
                match formats.as_slice() {
                    [] => write!(f, " ISO 8601")?,
                    formats => write!(f, " {formats:?}")?,
                }
                if let Some(zone) = timezone {
                    write!(f, " in {zone}")?;
                }
            }
            if column.nullability == Nullability::Required {
                write!(f, " required")?;
            }
            writeln!(f)?;
        }
        let limits = &self.batches;
        write!(f, "batches of {} rows", limits.rows)?;
        if let Some(bytes) = limits.bytes {
            write!(f, ", {}", ByteSize::b(bytes))?;
        }
        if let Some(bytes) = limits.max_record_bytes {
            write!(f, ", {} at most in a record", ByteSize::b(bytes))?;
        }
        if let Some(age) = limits.max_age {
            write!(
                f,
                ", {} since the first record",
                humantime::format_duration(age)
            )?;
        }
        if let Some(idle) = limits.idle {
            write!(f, ", {} without a record", humantime::format_duration(idle))?;
        }
        if let Some(ratio) = limits.max_reject_ratio {
            write!(f, ", stop above {} % rejected", ratio * 100.0)?;
        }
        write!(f, "\nmodels {}", self.models.len())?;
        for model in &self.models {
            write!(f, "\n  {}: {}", model.name, model.algorithm)?;
            if model.scope != Scope::Batch {
                write!(f, ", {}", model.scope)?;
            }
            if let Some(retrain) = &model.retrain {
                write!(f, ", trained again {retrain}")?;
            }
            if model.warm_start {
                write!(f, ", from its last centers")?;
            }
            if model.handle_invalid == HandleInvalid::Skip {
                write!(f, ", rows with a null or NaN are skipped")?;
            }
            if let Some(condition) = &model.condition {
                write!(f, "\n    where {condition}")?;
            }
            if let Some(weight) = &model.weight_col {
                write!(f, "\n    weight {weight:?}")?;
            }
            if let Some(Promote { condition, alias }) = &model.promote {
                write!(f, "\n    becomes {alias} if {condition}")?;
            }
            for Feature { name, sql } in &model.features {
                write!(f, "\n    {name} = {sql}")?;
            }
        }
        Ok(())
    }
}

//! The columns of a job, compiled for records.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use gugus_spec::{
    ColumnType, CsvFormat, Format, Nullability, OtherColumns, RESERVED_COLUMNS, Source,
    TimestampReader,
};

/// The most columns that a batch keeps beside those of the job.
///
/// Records whose keys are values (`{"10.0.0.1": 3}`) would otherwise grow a batch by a column each, and cost rows times
/// columns. Real tables have at most some hundred columns.
pub(crate) const MAX_OTHER_COLUMNS: usize = 4096;

/// The columns to which records of a job are parsed. It is made once from the job's source, and all batches share it.
#[derive(Debug)]
pub struct Layout {
    fields: Vec<Field>,
    /// Of batches that have no other columns.
    schema: SchemaRef,
    columns: Vec<LayoutColumn>,
    index: HashMap<String, usize>,
    other_columns: OtherColumns,
    row_bytes: usize,
    format: Format,
    csv: CsvFormat,
    null_values: Vec<String>,
    /// Columns of a batch that have no value of the record's.
    kept: Vec<&'static str>,
}

impl Layout {
    /// Compiles the columns of a source.
    pub fn new(source: &Source) -> Arc<Layout> {
        let columns: Vec<_> = source.columns.iter().map(LayoutColumn::new).collect();
        // All fields may be null, even the required ones. A folder outlives edits of `required` in its job file, and a
        // reader that was promised no nulls would drop `IS NOT NULL` from its plans.
        let fields: Vec<Field> = columns
            .iter()
            .map(|c| Field::new(&c.name, c.kind.data_type(), true))
            .collect();
        Arc::new(Layout {
            schema: Arc::new(Schema::new(fields.clone())),
            fields,
            index: columns
                .iter()
                .enumerate()
                .map(|(i, c)| (c.name.clone(), i))
                .collect(),
            other_columns: source.other_columns,
            row_bytes: columns.iter().map(|c| c.kind.bytes()).sum(),
            columns,
            format: source.format,
            csv: source.csv.clone(),
            null_values: source.null_values.clone(),
            kept: source.keep.iter().map(|kept| kept.column()).collect(),
        })
    }

    /// How the records of the job's topic are written.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// How rows of CSV are written.
    pub(crate) fn csv(&self) -> &CsvFormat {
        &self.csv
    }

    /// Whether a text means "no value", although it is not empty.
    #[inline]
    pub(crate) fn is_null(&self, text: &str) -> bool {
        !self.null_values.is_empty() && self.null_values.iter().any(|null| null == text.trim())
    }

    /// Whether there are texts that mean "no value".
    pub(crate) fn has_null_values(&self) -> bool {
        !self.null_values.is_empty()
    }

    /// The job's columns as Arrow fields, in the job file's order. Other columns of a batch follow them.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The schema of batches that have no other columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn columns(&self) -> &[LayoutColumn] {
        &self.columns
    }

    /// Bytes that one row takes without its text.
    pub(crate) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// The target of the values under a name.
    pub(crate) fn place(&self, name: &str) -> Place {
        match self.index.get(name) {
            Some(&i) => Place::Column(i),
            None if self.other_columns == OtherColumns::Drop
                || RESERVED_COLUMNS.contains(&name)
                || self.kept.contains(&name) =>
            {
                Place::Nowhere
            }
            None => Place::Other,
        }
    }
}

/// The target of the values under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A column of the job.
    Column(usize),
    /// A column of text behind those of the job.
    Other,
    /// The values are dropped.
    Nowhere,
}

/// A column of the job.
#[derive(Debug)]
pub(crate) struct LayoutColumn {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The type's name in reasons.
    pub(crate) type_name: &'static str,
    pub(crate) nullability: Nullability,
}

impl LayoutColumn {
    fn new(column: &gugus_spec::Column) -> Self {
        let kind = match &column.data_type {
            ColumnType::Utf8 => Kind::Utf8,
            ColumnType::Bool => Kind::Bool,
            ColumnType::Int32 => Kind::Int32,
            ColumnType::Int64 => Kind::Int64,
            ColumnType::Float32 => Kind::Float32,
            ColumnType::Float64 => Kind::Float64,
            ColumnType::Timestamp { formats, timezone } => {
                Kind::Timestamp(Arc::new(TimestampReader::new(formats, *timezone)))
            }
        };
        Self {
            name: column.name.clone(),
            kind,
            type_name: column.data_type.name(),
            nullability: column.nullability,
        }
    }
}

/// The type of a column, with what is needed to parse it.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Utf8,
    Bool,
    Int32,
    Int64,
    Float32,
    Float64,
    Timestamp(Arc<TimestampReader>),
}

impl Kind {
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Utf8 => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Timestamp(_) => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        }
    }

    /// Bytes of one value; of a text its offset.
    fn bytes(&self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Utf8 | Self::Int32 | Self::Float32 => 4,
            Self::Int64 | Self::Float64 | Self::Timestamp(_) => 8,
        }
    }
}

/// The zone of every timestamp.
pub(crate) const UTC: &str = "UTC";

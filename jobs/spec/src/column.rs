//! Columns and their types, in the job file and wherever columns are written down again (`model.json`).

use std::fmt;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::TimestampFormat;

/// A column that the job names.
///
/// Under serde: `{name, type, format, timezone, required}`, where `type` is as in the job file, `format` is a list that is
/// left out when it is empty, `timezone` is left out when there is none, and `required` is false when it is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Column {
    /// The name, as in the CSV's header or the JSON's key. Any text is allowed, except the empty text and reserved
    /// names.
    pub name: String,
    /// What its values are parsed to.
    pub data_type: ColumnType,
    /// Whether a record without a value is rejected.
    pub nullability: Nullability,
}

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `utf8`: text, kept as it came.
    Utf8,
    /// `bool`.
    Bool,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `float32`.
    Float32,
    /// `float64`.
    Float64,
    /// `timestamp`: milliseconds since 1970 in UTC.
    Timestamp {
        /// The formats of [`TimestampFormat`], tried in this order. None: ISO 8601 / RFC 3339.
        formats: Vec<String>,
        /// The clocks that times without an offset follow. `None`: UTC.
        timezone: Option<Tz>,
    },
}

impl ColumnType {
    /// A timestamp in ISO 8601, where times without an offset are UTC.
    pub const TIMESTAMP: Self = Self::Timestamp {
        formats: Vec::new(),
        timezone: None,
    };

    /// The names of all types, as the job file has them.
    pub const NAMES: [&'static str; 7] = [
        "utf8",
        "bool",
        "int32",
        "int64",
        "float32",
        "float64",
        "timestamp",
    ];

    /// The name of the type in the job file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Bool => "bool",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Timestamp { .. } => "timestamp",
        }
    }

    /// The type of that name; a timestamp comes without formats.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "utf8" => Self::Utf8,
            "bool" => Self::Bool,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "float32" => Self::Float32,
            "float64" => Self::Float64,
            "timestamp" => Self::TIMESTAMP,
            _ => return None,
        })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The end of the message about a timezone that is not allowed. The text before it ends with "but".
pub(crate) const A_ZONE: &str =
    "it must be the name of a timezone, such as \"America/Los_Angeles\" or \"UTC\"";

/// Whether a column may be without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Nullability {
    /// `required = true`: a record without a value is rejected.
    Required,
    /// A record without a value has null there.
    #[default]
    Optional,
}

/// How a column is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    r#type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    format: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(default)]
    required: bool,
}

impl From<Column> for Written {
    fn from(column: Column) -> Self {
        let r#type = column.data_type.name().to_owned();
        let (format, timezone) = match column.data_type {
            ColumnType::Timestamp { formats, timezone } => (formats, timezone),
            _ => (Vec::new(), None),
        };
        Self {
            name: column.name,
            r#type,
            required: column.nullability == Nullability::Required,
            format,
            timezone: timezone.map(|zone| zone.name().to_owned()),
        }
    }
}

impl TryFrom<Written> for Column {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written {
            name,
            r#type,
            format,
            timezone,
            required,
        } = written;
        let mut data_type = ColumnType::from_name(&r#type)
            .ok_or_else(|| format!("type of column {name:?} is {type:?}, but must be one of {}", ColumnType::NAMES.join(", "), type = r#type))?;
        for format in &format {
            TimestampFormat::new(format)
                .map_err(|why| format!("format of column {name:?} is {format:?}, but {why}"))?;
        }
        let zone = timezone.map(|zone| {
            zone.parse::<Tz>()
                .map_err(|_| format!("timezone of column {name:?} is {zone:?}, but {A_ZONE}"))
        });
        match &mut data_type {
            ColumnType::Timestamp { formats, timezone } => {
                *formats = format;
                *timezone = zone.transpose()?;
            }
            other if !format.is_empty() || zone.is_some() => {
                return Err(format!(
                    "column {name:?} has a format or a timezone, but only a timestamp has one and this is {other}"
                ));
            }
            _ => {}
        }
        let nullability = if required {
            Nullability::Required
        } else {
            Nullability::Optional
        };
        Ok(Self {
            name,
            data_type,
            nullability,
        })
    }
}

/// Names of the columns that a batch adds to those of the job. A job must not use them for its own columns.
pub const RESERVED_COLUMNS: [&str; 3] = ["_partition", "_offset", "_timestamp"];

/// A column's name as an SQL identifier: in double quotes, with inner quotes doubled.
///
/// ```
/// assert_eq!(gugus_spec::quote_identifier("TIME OCC"), "\"TIME OCC\"");
/// assert_eq!(gugus_spec::quote_identifier("a\"b"), "\"a\"\"b\"");
/// ```
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

//! The types of the elements of tensors.

use arrow::datatypes::DataType;
use gugus_spec::ColumnType;

use super::wrong::wrong;
use crate::problem::{Problem, cut};

/// The type of the elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datatype {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Fp32,
    Fp64,
    /// Text in UTF-8.
    Bytes,
}

impl Datatype {
    const ALL: [Self; 12] = [
        Self::Bool,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Uint8,
        Self::Uint16,
        Self::Uint32,
        Self::Uint64,
        Self::Fp32,
        Self::Fp64,
        Self::Bytes,
    ];

    /// The name in the protocol.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Uint8 => "UINT8",
            Self::Uint16 => "UINT16",
            Self::Uint32 => "UINT32",
            Self::Uint64 => "UINT64",
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Bytes => "BYTES",
        }
    }

    /// The type of this name.
    pub(crate) fn parse(name: &str) -> Result<Self, Problem> {
        let mut types = Self::ALL.into_iter();
        types.find(|it| it.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            wrong(format!(
                "datatype {:?} is not read; send one of {known}",
                cut(name)
            ))
        })
    }

    /// The Arrow type of such elements.
    pub(crate) const fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Uint8 => DataType::UInt8,
            Self::Uint16 => DataType::UInt16,
            Self::Uint32 => DataType::UInt32,
            Self::Uint64 => DataType::UInt64,
            Self::Fp32 => DataType::Float32,
            Self::Fp64 => DataType::Float64,
            Self::Bytes => DataType::Utf8,
        }
    }
}

impl From<&ColumnType> for Datatype {
    /// Timestamps are text, in the formats of their column.
    fn from(column: &ColumnType) -> Self {
        match column {
            ColumnType::Utf8 | ColumnType::Timestamp { .. } => Self::Bytes,
            ColumnType::Bool => Self::Bool,
            ColumnType::Int32 => Self::Int32,
            ColumnType::Int64 => Self::Int64,
            ColumnType::Float32 => Self::Fp32,
            ColumnType::Float64 => Self::Fp64,
        }
    }
}

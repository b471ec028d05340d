//! Batch files of the tests, and the plan of their points.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion_proto::physical_plan::DefaultPhysicalExtensionCodec;
use gugus_spec::{Column, ColumnType, Feature, Nullability, OtherColumns};

use crate::{Expressions, FeaturePlan, PlanCodec, WaveFile};

/// How plans travel, without a cluster's own nodes.
pub(super) fn codec() -> PlanCodec<DefaultPhysicalExtensionCodec> {
    PlanCodec::new(DefaultPhysicalExtensionCodec {})
}

/// Writes the file of batch `number`.
pub(super) fn write(folder: &Path, number: u64, rows: &RecordBatch) -> WaveFile {
    let path = folder.join(format!("batch_{number:08}.parquet"));
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    WaveFile {
        batch: number,
        path: path.to_str().unwrap().trim_start_matches('/').to_owned(),
        size: path.metadata().unwrap().len(),
    }
}

/// A column that may be null.
pub(super) fn column(name: &str, data_type: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        data_type,
        nullability: Nullability::Optional,
    }
}

/// Points of x and y.
pub(super) fn plan(condition: Option<&str>) -> FeaturePlan {
    plan_of(&["x", "y"], condition)
}

/// These expressions of x and y.
pub(super) fn plan_of(features: &[impl AsRef<str>], condition: Option<&str>) -> FeaturePlan {
    let columns = ["x", "y"].map(|name| column(name, ColumnType::Float64));
    let features = features.iter().map(|sql| Feature {
        name: sql.as_ref().to_owned(),
        sql: sql.as_ref().to_owned(),
    });
    let features: Vec<Feature> = features.collect();
    let expressions = Expressions {
        condition,
        ..Expressions::features(&features)
    };
    FeaturePlan::new(&columns, OtherColumns::Drop, &expressions).unwrap()
}

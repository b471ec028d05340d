//! How the aggregate function is written into a plan and read from it.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::AggregateUDF;

use crate::fit::KMeansFit;
use crate::settings::FitSettings;

/// Writes the settings of one of our functions; writes nothing for any other, which is then found by its name.
///
/// # Errors
/// When the settings do not encode, which would be a fault of ours.
pub fn encode_aggregate(function: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
    let inner: &dyn std::any::Any = function.inner().as_ref();
    match inner.downcast_ref::<KMeansFit>() {
        Some(fit) => serde_json::to_writer(buffer, fit.settings()).map_err(external),
        None => Ok(()),
    }
}

/// Reads one of our functions; `None` when `name` is not ours.
///
/// # Errors
/// When the bytes are not settings as this version writes them: client and executor run different versions.
pub fn decode_aggregate(name: &str, buffer: &[u8]) -> Option<Result<Arc<AggregateUDF>>> {
    (name == KMeansFit::NAME).then(|| {
        let settings: FitSettings = serde_json::from_slice(buffer).map_err(external)?;
        Ok(Arc::new(AggregateUDF::from(KMeansFit::new(settings))))
    })
}

fn external(error: serde_json::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error)).context(format!("settings of {}", KMeansFit::NAME))
}

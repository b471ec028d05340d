//! `MODEL --batch N|all --window KEY`: one trained model.

use clap::Args;
use gugus_evaluate::Which;
use gugus_models::WindowKey;
use gugus_spec::NotABatchNumber;

/// One trained model.
#[derive(Debug, Args)]
pub(crate) struct ChosenModel {
    /// The model's name
    pub(crate) model: String,
    /// The batch of the model, or `all` for the model over all batches; the latest batch when absent
    #[arg(long, value_name = "N|all", value_parser = which)]
    batch: Option<Which>,
    /// The window of the model, such as 2024-05
    #[arg(long, value_name = "KEY", conflicts_with = "batch")]
    window: Option<WindowKey>,
}

impl ChosenModel {
    /// The folder that the flags mean.
    pub(crate) fn which(&self) -> Which {
        match (&self.batch, &self.window) {
            (Some(batch), _) => batch.clone(),
            (None, Some(key)) => Which::Window(key.clone()),
            (None, None) => Which::Latest,
        }
    }
}

/// `3` or `all`.
fn which(text: &str) -> Result<Which, String> {
    match text {
        "all" => Ok(Which::All),
        number => {
            let number = number.parse();
            let number = number.map_err(|error: NotABatchNumber| error.to_string())?;
            Ok(Which::Batch(number))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gugus_spec::BatchNumber;

    #[test]
    fn a_batch_is_a_number_or_all() {
        assert_eq!(which("all"), Ok(Which::All));
        let twelve = BatchNumber::new(12).unwrap();
        assert_eq!(which("12"), Ok(Which::Batch(twelve)));
        for wrong in ["0", "7..3", "latest", "3..", "-1"] {
            assert!(which(wrong).is_err(), "{wrong}");
        }
    }
}

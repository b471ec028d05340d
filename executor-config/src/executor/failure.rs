//! How an executor reports a failed task. The cause decides whether the scheduler tries the task on another executor.

use std::any::Any;
use std::error::Error;

use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{ExecutionError, ExecutorRegistration, FailedTask, IoError};
use gugus_submit::Fault;

/// The end of a task that failed on this executor.
///
/// An error of storage belongs to the machine. The scheduler then tries the task again, on another executor if there is
/// one. Every other error fails the Ballista job at once: either the task would fail anywhere, or the driver knows what
/// to do. Results that could not be fetched, and cancelled tasks, are reported as Ballista reports them.
pub(super) fn told(error: BallistaError, executor: &ExecutorRegistration) -> FailedTask {
    let fault = fault_of(&error);
    let told = FailedTask::from(error);
    if matches!(
        told.failed_reason,
        Some(FailedReason::FetchPartitionError(_) | FailedReason::TaskKilled(_))
    ) {
        return told;
    }
    let host = executor.host.as_deref().unwrap_or(&executor.id);
    let machine = format!("executor {host}:{}", executor.port);
    let (fault, elsewhere) = match fault {
        Fault::Data(sentence) => (Fault::Data(sentence), false),
        Fault::Storage(why) => {
            tracing::warn!("files cannot be used: {why}");
            let why = format!("{machine} cannot use files: {why}");
            (Fault::Storage(why), true)
        }
        Fault::Machine(why) => (Fault::Machine(format!("{machine}: {why}")), false),
    };
    let reason = match elsewhere {
        true => FailedReason::IoError(IoError {}),
        false => FailedReason::ExecutionError(ExecutionError {}),
    };
    FailedTask {
        error: fault.as_text(),
        retryable: elsewhere,
        count_to_failures: elsewhere,
        failed_reason: Some(reason),
    }
}

/// The end of a task that panicked.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> FailedTask {
    FailedTask {
        error: Fault::of_panic(panic).as_text(),
        retryable: false,
        count_to_failures: false,
        failed_reason: Some(FailedReason::ExecutionError(ExecutionError {})),
    }
}

/// Sorts an error of Ballista. Such an error does not name its cause, and wraps errors of DataFusion, which do.
fn fault_of(error: &BallistaError) -> Fault {
    let of = |error: &(dyn Error + 'static)| match gugus_error::find::<BallistaError>(error) {
        Some(inner) => fault_of(inner),
        None => Fault::of(error),
    };
    match error {
        BallistaError::DataFusionError(error) => of(&**error),
        BallistaError::ArrowError(error) => of(&**error),
        BallistaError::IoError(error) => of(error),
        other => Fault::Machine(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::error::ArrowError;
    use datafusion::error::DataFusionError;

    use super::*;

    /// The code that writes results wraps each error of DataFusion in an error of Ballista.
    #[test]
    fn an_error_within_errors_of_ballista_is_found() {
        let zero = DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None);
        let wrapped = BallistaError::DataFusionError(Box::new(zero)).into_datafusion();
        let wrapped = BallistaError::DataFusionError(Box::new(wrapped)).into_datafusion();
        let told = told(
            BallistaError::DataFusionError(Box::new(wrapped)),
            &ExecutorRegistration::default(),
        );
        let fault = Fault::in_text(&told.error);
        assert!(matches!(&fault, Fault::Data(_)), "{fault:?}");
        assert!(!told.retryable);
    }

    /// Some damage makes the reader of Parquet panic. Only the batch of the damaged file shall fail.
    #[test]
    fn a_panic_is_about_the_data() {
        for panic in [
            std::panic::catch_unwind(|| panic!("assertion failed: {}", 7)),
            std::panic::catch_unwind(|| panic!("assertion failed: 7")),
        ] {
            let told = panicked(&*panic.unwrap_err());
            let Fault::Data(reason) = Fault::in_text(&told.error) else {
                panic!("{}", told.error)
            };
            assert!(reason.contains("assertion failed: 7"), "{reason}");
            assert!(!told.retryable);
        }
    }
}

//! How a task that failed is told of: what failed decides whether the scheduler tries the task elsewhere.

use std::error::Error;

use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{ExecutionError, ExecutorRegistration, FailedTask, IoError};
use gugus_submit::Fault;

/// The end of a task that failed on this executor.
///
/// Trouble with storage is the machine's: the scheduler tries the task again, on another executor if there is one. Everything
/// else fails the Ballista job at once, because it would fail anywhere, or because the driver knows what to do. Results that
/// could not be fetched, and cancelled tasks, are told as Ballista tells them.
pub(super) fn told(error: BallistaError, executor: &ExecutorRegistration) -> FailedTask {
    let fault = match &error {
        BallistaError::DataFusionError(error) => {
            Fault::of(error.as_ref() as &(dyn Error + 'static))
        }
        BallistaError::ArrowError(error) => Fault::of(error.as_ref() as &(dyn Error + 'static)),
        BallistaError::IoError(error) => Fault::of(error),
        other => Fault::Machine(other.to_string()),
    };
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
    FailedTask {
        error: fault.as_text(),
        retryable: elsewhere,
        count_to_failures: elsewhere,
        failed_reason: Some(match elsewhere {
            true => FailedReason::IoError(IoError {}),
            false => FailedReason::ExecutionError(ExecutionError {}),
        }),
    }
}

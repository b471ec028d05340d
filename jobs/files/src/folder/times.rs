//! When a folder changed last, as the folder itself tells.

use std::{fs, os::unix::fs::MetadataExt, time::Duration};

/// How long a file system's clock may stand still. Some clocks stand for two seconds, such as that of FAT.
pub(super) const COARSE: Duration = Duration::from_secs(3);

/// How long most clocks stand still at most: they tick a hundred times a second or more often.
const FINE: Duration = Duration::from_millis(20);

/// The time of the last change since 1970. Programs that copy set the other time of a folder back, and nobody sets this one.
pub(super) fn changed(found: &fs::Metadata) -> Option<Duration> {
    let seconds = u64::try_from(found.ctime()).ok()?;
    let nanoseconds = u32::try_from(found.ctime_nsec()).ok()?;
    Some(Duration::new(seconds, nanoseconds))
}

/// Whether a change may have come after `since`, although the file system's clock may have stood still.
pub(super) fn may_be_after(changed: Duration, since: Duration) -> bool {
    let tick = match changed.subsec_nanos() {
        0 => COARSE,
        _ => FINE,
    };
    changed + tick >= since
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_time_that_is_set_back_hides_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let opened = fs::File::open(&folder).unwrap();
        opened.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let found = opened.metadata().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        assert!(changed(&found).unwrap() + COARSE > now.unwrap());
        assert_eq!(found.modified().unwrap(), SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn a_clock_of_whole_seconds_hides_no_change() {
        let since = Duration::from_millis(10_700);
        let may = |changed| may_be_after(Duration::from_millis(changed), since);
        assert!(may(10_000) && may(8_000) && may(10_690) && may(10_900));
        assert!(!may(10_600) && !may(7_000));
    }
}

//! A file system that really is full.

use std::path::Path;
use std::process::{Command, Stdio};

use super::members::{Disk, Setup, disks_can_be_filled, last_words};
use super::say;
use crate::kit::judge;
use crate::kit::kafka::Kafka;
use crate::kit::messages::{self, Message};
use crate::kit::process::Gugus;
use crate::kit::sender::Sender;
use crate::kit::work::Work;

/// Two, so that a batch in the making has ranges of both.
const PARTITIONS: i32 = 2;

/// Several times what the small file system holds.
const MESSAGES: i64 = 5_000;

/// Ingests on a file system of 192 KiB until that is full, then makes it larger, ingests the rest, and brings out all
/// that was written. The file system lives in a mount namespace and goes with it, also when this is killed.
const SCRIPT: &str = r#"out=$1; shift
disk="$out/disk"
mkdir -p "$disk" && mount -t tmpfs -o size=192k tmpfs "$disk" || exit 97
code=0; "$@" --batches "$disk/batch" --until-end 2>"$out/full.err" >/dev/null || code=$?
echo "$code" >"$out/full.code"
mount -o remount,size=64m "$disk" || exit 98
code=0; "$@" --batches "$disk/batch" --until-end 2>"$out/again.err" >/dev/null || code=$?
cp -r "$disk/batch" "$out/batch" || exit 99
exit "$code""#;

/// What makes a mount namespace here: as root, or as a user who is root in a namespace of users.
fn namespace(folder: &Path) -> Option<&'static str> {
    let mounts = |flags: &&&str| {
        Command::new("unshare")
            .args([
                flags,
                "sh",
                "-c",
                "mount -t tmpfs -o size=64k tmpfs \"$1\"",
                "sh",
            ])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    ["-m", "-Urm"].iter().find(mounts).copied()
}

#[test]
fn a_full_disk_ends_it_and_nothing_is_lost() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.fresh_topic("full", PARTITIONS);
    let mut sender = Sender::new(kafka.brokers(), &topic, PARTITIONS);
    sender.send((0..MESSAGES).map(|n| match n % 20 {
        0 => Message::poison(n / 20),
        _ => Message::row(n),
    }));
    let produced = sender.finish();
    let work = Work::new();
    let job = work.write("full.toml", messages::job("full", &topic, "rows = 50"));
    let batches = work.path("batch");

    if let Some(flags) = namespace(Path::new(&work.path(""))) {
        let out = work.path("");
        let wrapper = ["unshare", flags, "sh", "-c", SCRIPT, "sh", &out];
        let ingest = ["ingest", "--job", &job, "--brokers", kafka.brokers()];
        Gugus::new(ingest).under(wrapper).run().expect(0);
        let said = std::fs::read_to_string(work.path("full.err")).unwrap();
        let code = std::fs::read_to_string(work.path("full.code")).unwrap();
        assert_eq!(code.trim(), "1", "{said}");
        assert!(
            last_words(&said).contains("No space left on device"),
            "the error names the full disk:\n{said}"
        );
    } else if disks_can_be_filled() {
        say("a limit of file sizes stands for the full disk: no file systems can be mounted here");
        let setup = Setup {
            job,
            batches: batches.clone(),
            brokers: kafka.brokers().to_owned(),
            properties: Vec::new(),
            logs: work.path("").into(),
        };
        let mut process = setup.start("full");
        process.disk(Disk::Full);
        process.give_up();
        setup.until_end();
    } else {
        return say("no full disk can be had here; the store that refuses writes stands for it");
    }
    let folder = Path::new(&batches);
    let account = judge::check(folder, kafka.brokers(), &topic, PARTITIONS, &produced);
    assert_eq!(account.rows + account.rejects, produced.len());
}

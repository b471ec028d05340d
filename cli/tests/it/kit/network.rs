//! A machine of its own for a process, as far as its network goes: a namespace of Linux, with links that can be pulled.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::kit::process::skipped;

/// A namespace. It and its links end when this is dropped.
pub(crate) struct Namespace(String);

/// A link between this machine and a namespace.
pub(crate) struct Link {
    /// Its end on this machine.
    name: String,
    /// Our address on it.
    pub(crate) here: String,
    /// The address of the namespace on it.
    pub(crate) there: String,
}

impl Namespace {
    /// `None`, and a line that says so, where this user cannot make one.
    pub(crate) fn new(what: &str) -> Option<Self> {
        let name = format!("gugus{}", number());
        match ip(&["netns", "add", &name]) {
            Ok(()) => Some(Self(name)),
            Err(why) => {
                skipped(what, &why);
                None
            }
        }
    }

    /// A link into the namespace.
    pub(crate) fn link(&self) -> Link {
        let number = number();
        let network = format!("10.{}.{}", 128 + number / 256 % 64, number % 256);
        let link = Link {
            name: format!("gugus{number}"),
            here: format!("{network}.1"),
            there: format!("{network}.2"),
        };
        let peer = format!("{}p", link.name);
        let [here, there] = [&link.here, &link.there].map(|address| format!("{address}/30"));
        let inside = |words: &[&str]| done(&[&["-n", &self.0], words].concat());
        done(&[
            "link", "add", &link.name, "type", "veth", "peer", "name", &peer, "netns", &self.0,
        ]);
        done(&["address", "add", &here, "dev", &link.name]);
        done(&["link", "set", &link.name, "up"]);
        inside(&["address", "add", &there, "dev", &peer]);
        inside(&["link", "set", &peer, "up"]);
        inside(&["link", "set", "lo", "up"]);
        link
    }

    /// The words before a command that runs in the namespace.
    pub(crate) fn words(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.0]
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Links go with their end in the namespace. Processes in it may still live for a moment.
        let _ = ip(&["netns", "delete", &self.0]);
    }
}

impl Link {
    /// Pulls the cable: packets are lost, and nobody is told.
    pub(crate) fn cut(&self) {
        done(&["link", "set", &self.name, "down"]);
    }

    /// The words that make a scheduler or an executor listen at one of the two addresses. Only this link leads there, so nobody
    /// has to prove anything.
    pub(crate) fn listen(address: &str) -> String {
        format!("--listen {address}:0 --insecure")
    }

    pub(crate) fn mend(&self) {
        done(&["link", "set", &self.name, "up"]);
    }
}

/// A number that no other test on this machine has now.
fn number() -> u32 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    (std::process::id() * 8 + TAKEN.fetch_add(1, Ordering::Relaxed)) % 16_384
}

#[track_caller]
fn done(words: &[&str]) {
    ip(words).unwrap();
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "ip {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

//! What goes over a wire: a proxy that passes everything on and keeps a copy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A port in front of another one.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
    held: Arc<AtomicBool>,
}

impl Wire {
    /// Before `target` (`HOST:PORT`). Its threads end with the test's process.
    pub(crate) fn before(target: &str) -> Wire {
        Self::until(target, None)
    }

    /// Before `target`, until a caller says these bytes. The bytes and what the caller says after them stay here, as when the
    /// target froze at that moment.
    pub(crate) fn holding(target: &str, words: &'static [u8]) -> Wire {
        Self::until(target, Some(words))
    }

    fn until(target: &str, words: Option<&'static [u8]>) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let held = Arc::<AtomicBool>::default();
        let (target, copy) = (target.to_owned(), Arc::clone(&heard));
        let holds = Arc::clone(&held);
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let Ok(called) = TcpStream::connect(&target) else {
                    continue;
                };
                for stream in [&caller, &called] {
                    let _ = stream.set_nodelay(true);
                }
                let asked = (caller.try_clone().unwrap(), called.try_clone().unwrap());
                let ways = [(words, asked), (None, (called, caller))];
                for (words, (from, to)) in ways {
                    let (copy, holds) = (Arc::clone(&copy), Arc::clone(&holds));
                    std::thread::spawn(move || {
                        pass(from, to, |bytes| {
                            copy.lock().unwrap().extend_from_slice(bytes);
                            let hold = words.is_some_and(|words| has(bytes, words));
                            holds.fetch_or(hold, Ordering::SeqCst);
                            hold
                        });
                    });
                }
            }
        });
        Wire {
            address,
            heard,
            held,
        }
    }

    /// Whether these bytes went over it in either direction.
    pub(crate) fn heard(&self, words: &str) -> bool {
        has(&self.heard.lock().unwrap(), words.as_bytes())
    }

    /// Whether it holds what a caller said.
    pub(crate) fn holds(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// How many bytes went over it.
    pub(crate) fn bytes(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

fn has(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

/// Passes bytes on until one side closes its end, or `hold` says of some bytes that they stay here.
fn pass(mut from: TcpStream, mut to: TcpStream, hold: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if hold(&buffer[..read]) {
            // The other way has the same connections, so both stay open.
            return;
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

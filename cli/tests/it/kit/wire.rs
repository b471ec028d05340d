//! What goes over a wire: a proxy that passes everything on and keeps a copy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A port in front of another one.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// Before `target` (`HOST:PORT`). Its threads end with the test's process.
    pub(crate) fn before(target: &str) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let (target, copy) = (target.to_owned(), Arc::clone(&heard));
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let Ok(called) = TcpStream::connect(&target) else {
                    continue;
                };
                for stream in [&caller, &called] {
                    let _ = stream.set_nodelay(true);
                }
                let ways = [
                    (caller.try_clone().unwrap(), called.try_clone().unwrap()),
                    (called, caller),
                ];
                for (from, to) in ways {
                    let copy = Arc::clone(&copy);
                    std::thread::spawn(move || pass(from, to, &copy));
                }
            }
        });
        Wire { address, heard }
    }

    /// Whether these bytes went over it in either direction.
    pub(crate) fn heard(&self, words: &str) -> bool {
        let heard = self.heard.lock().unwrap();
        heard
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    }

    /// How many bytes went over it.
    pub(crate) fn bytes(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, copy: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        copy.lock().unwrap().extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

//! A line between programs that stops passing bytes: nothing is refused or closed, as when a network is cut.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

/// Passes bytes to a port of this machine until it is cut.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    to: Arc<AtomicU16>,
    is_cut: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a free port. [`lead`](Self::lead) says where the bytes go.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            to: Arc::default(),
            is_cut: Arc::default(),
        };
        let (to, is_cut) = (Arc::clone(&proxy.to), Arc::clone(&proxy.is_cut));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to.load(Ordering::SeqCst)))
                else {
                    continue;
                };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let ends = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let is_cut = Arc::clone(&is_cut);
                    std::thread::spawn(move || pass(ends, &is_cut));
                }
            }
        });
        proxy
    }

    pub(crate) fn lead(&self, port: u16) {
        self.to.store(port, Ordering::SeqCst);
    }

    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

fn pass((mut from, mut to): (TcpStream, TcpStream), is_cut: &AtomicBool) {
    let pause = Duration::from_millis(10);
    from.set_read_timeout(Some(pause)).unwrap();
    let mut bytes = [0; 64 * 1024];
    loop {
        if is_cut.load(Ordering::SeqCst) {
            std::thread::sleep(pause);
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => {
                if to.write_all(&bytes[..length]).is_err() {
                    break;
                }
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

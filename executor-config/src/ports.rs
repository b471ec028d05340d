//! Free ports for Ballista's executor, which takes numbers and no listener.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

/// `N` different free ports of `address`. Another process may take one before it is bound: the caller tries again.
pub(crate) fn free_ports<const N: usize>(address: IpAddr) -> io::Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        // All listeners are held until the last is bound, or the system could give the same port twice.
        let listener = TcpListener::bind(SocketAddr::new(address, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

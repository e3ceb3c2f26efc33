//! Free ports that stay free: for servers that start later, or again, and for an address at which nobody must listen.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
};

/// The ports tried. The system hands out higher ones, to those who ask for any port and to outgoing connections (from 32768 on
/// Linux, from 49152 elsewhere), so none of these goes to another test meanwhile.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port of this machine's loopback on which nobody listens. No two calls within a process give the same one.
pub fn free_port() -> u16 {
    free_listener().local_addr().unwrap().port()
}

/// A listener on such a port. To listen again at once may fail: a process that another thread starts meanwhile has the listener, too, until
/// it runs its program.
pub fn free_listener() -> TcpListener {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(fastrand::u16(..COUNT)));
    let mut candidates = (0..COUNT).map(|_| FIRST + NEXT.fetch_add(1, Relaxed) % COUNT);
    candidates.find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()).expect("a free port")
}

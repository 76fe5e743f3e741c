//! Ports for servers.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::{Ipv4Addr, TcpListener},
};

/// Below the range that systems give to outgoing connections. A port from that range could be taken by any connection
/// while its server is down; worse, a client that connects to it again and again may meet itself.
const FIRST: u64 = 20_000;
const COUNT: u64 = 10_000;

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    let start = random();
    let mut candidates =
        (0..COUNT).filter_map(|step| u16::try_from(FIRST + (start.wrapping_add(step * 7)) % COUNT).ok());
    let free = candidates.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.expect("a free port on 127.0.0.1")
}

/// A number that differs from call to call and from process to process.
pub(crate) fn random() -> u64 {
    // The system's randomness without a dependency: every `RandomState` has fresh keys.
    RandomState::new().build_hasher().finish()
}

/// A password for one server. Even a test's server is not open to everyone on the machine: its role is a superuser.
pub(crate) fn password() -> String {
    format!("{:016x}{:016x}", random(), random())
}

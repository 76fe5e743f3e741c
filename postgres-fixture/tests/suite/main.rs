//! The fixture keeps its promises, whatever the server is: `TEST_POSTGRES` says.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod connection;
mod databases;
mod faults;
mod freezes;
mod keeper;
mod servers;

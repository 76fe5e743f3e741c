//! PostgreSQL for tests: a server, fresh databases, private servers to break, and a network to cut.
//!
//! Where the server comes from, in this order: `TEST_DATABASE_URL`; Docker, if an engine answers (image:
//! `TEST_POSTGRES_IMAGE`); the server binaries found on the machine. `TEST_POSTGRES=url|docker|local` forces one. With
//! none of them a test **fails** and says what to install: a suite that skips in silence proves nothing.
//!
//! - [`TestDatabase`]: a database for one test, on a server that the whole run shares, from a template prepared once;
//! - [`Server`]: a private server that a test may stop, kill, replicate, promote, dump and restore;
//! - [`Proxy`]: a TCP proxy that cuts, freezes, delays and swallows on command;
//! - [`wait_for`]: the one place where a test waits for something it cannot be told about.
//!
//! The shared server is started by the first process of a run and found by the others: cargo-nextest gives every test
//! its own process. A keeper, detached from all of them, ends the server when no process has used it for half a minute,
//! also when those were killed. Not chosen: `postgresql_embedded`, which downloads while building.
//!
//! ```no_run
//! use composable_rust_postgres_fixture::TestDatabase;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let database = TestDatabase::from_template("orders_v1", async |url: &str| {
//!     // apply the migrations to the database at `url`
//!     assert!(url.starts_with("postgres://"));
//! })
//! .await;
//! assert!(database.url().ends_with(database.name()));
//! # }
//! ```

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a helper of tests: what fails here fails the test, in words"
)]

mod account;
mod admin;
mod backends;
mod binaries;
mod cluster;
mod container;
mod database;
mod docker;
mod gate;
mod host;
mod keeper;
mod kind;
mod orders;
mod pattern;
mod port;
mod proxy;
mod relay;
mod server;
mod shared;
mod url;
mod wait;

pub use database::{DatabaseOptions, TestDatabase};
pub use kind::Kind;
pub use proxy::Proxy;
pub use server::Server;
pub use shared::{admin_url, kind};
pub use wait::wait_for;

//! A PostgreSQL server for as long as it is wanted: prints its URL, and ends it when its own input ends.
//!
//! `cargo run -p composable-rust-postgres-fixture`, and Ctrl-C or Ctrl-D when done. Nothing is left behind.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the URL is what is wanted; a failure is told by its panic"
)]

use composable_rust_postgres_fixture::Server;
use tokio::io::AsyncReadExt;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start(&[]).await;
    println!("{}", server.url("postgres"));
    let mut ignored = Vec::new();
    tokio::io::stdin().read_to_end(&mut ignored).await.unwrap();
}

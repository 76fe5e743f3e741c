//! `PostgresEventStore` beside the bare minimum through the same driver: ratios, measured in turn in one run, since two
//! benchmarks one after the other would compare two moods of the machine. Starts a server of its own, with fsync on.
//!
//! Not criterion, which does not take turns. `../../README.md` says how to read what it prints.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and ends where it fails"
)]

mod bare;
mod cell;
mod ours;
mod processor;

use std::env;

use composable_rust_postgres_fixture::Server;
use tokio::runtime::Builder;

use cell::Cell;

/// Rounds of every cell; `ROUNDS` in the environment says otherwise.
const ROUNDS: usize = 15;

async fn measure() {
    let server = Server::start(&[]).await;
    let setup = ours::Setup::new(&server.url("postgres")).await;
    let rounds = env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    // What is asked for on the command line, and beside it what cargo adds by itself.
    let wanted: Vec<_> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let is_wanted = |cell: &Cell| wanted.is_empty() || wanted.iter().any(|name| cell.name().contains(name.as_str()));
    let mut cells: Vec<_> = Cell::all().into_iter().filter(is_wanted).collect();
    for _ in 0..rounds {
        for cell in &mut cells {
            cell.round(&setup).await;
        }
    }
    println!(
        "{:36} {:>5} {:14} {:>8} {:>8} | {:13} | {:27} | the same of ours",
        "ours / bare", "", "(10 % to 90 %)", "bare/s", "ours/s", "p99, ms", "bare: client + server, each"
    );
    for cell in cells {
        println!("{}", cell.line());
    }
    setup.close().await;
}

fn main() {
    // A task, as a caller in an application is one: what runs in `block_on` itself is woken from outside.
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(measure()).await.unwrap() });
}

//! What it costs to bring an order back: replay, snapshots, and the bytes that it is made of, on every store.
//!
//! All stores take their turn in every round; what is printed is the median over the rounds, with the tenth and ninetieth
//! percentile behind it. Not criterion, which does not take turns. Starts a PostgreSQL server of its own, with fsync on.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and ends where it fails"
)]

mod encodings;
mod history;
/// The example's own orders, not a copy that may be faster: taken in as a file, since nothing may depend on the example.
#[path = "../../../examples/order-processing/src/order/mod.rs"]
#[expect(
    clippy::enum_variant_names,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "fine there, where it is public; a part of it is enough here"
)]
mod order;
mod subject;

use std::{env, sync::Arc};

use composable_rust::{EventStore, PostgresEventStore, SqliteEventStore, testing::InMemoryEventStore};
use composable_rust_postgres_fixture::Server;
use tokio::runtime::Builder;

use subject::Subject;

/// Rounds of every store; `ROUNDS` in the environment says otherwise.
const ROUNDS: usize = 15;

async fn measure() {
    let rounds = env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    encodings::measure(rounds);

    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&[]).await;
    let sqlite = SqliteEventStore::open(directory.path().join("events.db"))
        .await
        .unwrap();
    let postgres = PostgresEventStore::options()
        .migrate_on_connect(true)
        .connect(&server.url("postgres"))
        .await
        .unwrap();
    let stores: [(_, Arc<dyn EventStore>); 3] = [
        ("memory", Arc::new(InMemoryEventStore::new())),
        ("SQLite", Arc::new(sqlite)),
        ("PostgreSQL", Arc::new(postgres.clone())),
    ];
    let mut subjects = Vec::new();
    for (name, store) in stores {
        subjects.push(Subject::new(name, store).await);
    }
    for _ in 0..rounds {
        for subject in &mut subjects {
            subject.round().await;
        }
    }
    for subject in subjects {
        subject.print();
    }
    postgres.close().await;
}

fn main() {
    // A task, as a caller in an application is one: what runs in `block_on` itself is woken from outside.
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(measure()).await.unwrap() });
}

//! Nothing is left behind, however a test ends.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use composable_rust_postgres_fixture::wait_for;
use sqlx::{Connection, PgConnection};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::connection::text;

const DEADLINE: Duration = Duration::from_mins(1);

/// A process that holds a server, and the server's URL.
async fn holder() -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_composable-rust-postgres-fixture"));
    let mut holder = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().unwrap();
    assert_eq!(text(&url, "SHOW fsync").await, "on");
    (holder, url)
}

async fn is_gone(url: &str) -> bool {
    PgConnection::connect(url).await.is_err()
}

async fn end_input(holder: &mut Child) -> ExitStatus {
    drop(holder.stdin.take());
    holder.wait().await.unwrap()
}

#[tokio::test]
async fn a_process_that_ends_takes_its_server_with_it() {
    let (mut holder, url) = holder().await;
    assert!(end_input(&mut holder).await.success());
    assert!(is_gone(&url).await);
}

#[tokio::test]
async fn the_server_of_a_killed_process_is_ended() {
    let (mut holder, url) = holder().await;
    holder.kill().await.unwrap();
    assert!(!is_gone(&url).await, "nobody was there to stop it");
    wait_for(async || is_gone(&url).await, DEADLINE, "the keeper to end the server").await;
}

//! Servers that are stopped, killed, copied, promoted, dumped and restored.

use std::time::Duration;

use composable_rust_postgres_fixture::{Server, wait_for};
use sqlx::{Connection, Executor, PgConnection};

use crate::connection::{connect_as, count, execute, text};

const CREATE: &str = "CREATE TABLE events (id bigint)";
const INSERT: &str = "INSERT INTO events SELECT generate_series(1, 100)";
const DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn what_was_committed_is_there_after_a_kill() {
    let server = Server::start(&[]).await;
    let url = server.url("postgres");
    execute(&url, CREATE).await;
    execute(&url, INSERT).await;
    server.kill().await;
    assert!(PgConnection::connect(&url).await.is_err());
    server.start_again().await;
    assert_eq!(count(&url).await, "100");
    assert!(
        server
            .log()
            .await
            .contains("database system was not properly shut down")
    );
}

#[tokio::test]
async fn a_server_that_was_stopped_starts_on_the_same_url_with_its_settings() {
    let server = Server::start(&[("max_connections", "17")]).await;
    server.stop().await;
    server.start_again().await;
    assert_eq!(text(&server.url("postgres"), "SHOW max_connections").await, "17");
    server.set(&[("work_mem", "5MB")]).await;
    let is_set = async || text(&server.url("postgres"), "SHOW work_mem").await == "5MB";
    wait_for(is_set, DEADLINE, "the new setting").await;
    assert_eq!(text(&server.url("postgres"), "SHOW fsync").await, "on");
}

#[tokio::test]
async fn a_standby_follows_and_takes_over() {
    let primary = Server::start(&[]).await;
    execute(&primary.url("postgres"), CREATE).await;
    let standby = primary.standby().await;
    execute(&primary.url("postgres"), INSERT).await;
    let caught_up = async || count(&standby.url("postgres")).await == "100";
    wait_for(caught_up, DEADLINE, "the standby to have all rows").await;
    primary.kill().await;
    standby.promote().await;
    execute(&standby.url("postgres"), INSERT).await;
    assert_eq!(count(&standby.url("postgres")).await, "200");
}

#[tokio::test]
async fn a_dump_is_restored_into_another_cluster() {
    let old = Server::start(&[]).await;
    execute(&old.url("postgres"), CREATE).await;
    execute(&old.url("postgres"), INSERT).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.sql");
    old.dump("postgres", &file).await;
    let new = old.another(&[]).await;
    new.restore("restored", &file).await;
    assert_eq!(count(&new.url("restored")).await, "100");
    let cluster = "SELECT system_identifier::text FROM pg_control_system()";
    assert_ne!(
        text(&new.url("postgres"), cluster).await,
        text(&old.url("postgres"), cluster).await
    );
}

#[tokio::test]
async fn commands_run_beside_the_server_and_a_dropped_server_is_gone() {
    let server = Server::start(&[]).await;
    assert_eq!(server.run("psql -XAtc 'SELECT 6 * 7'").await.trim(), "42");
    assert_eq!(server.run("cat \"$DATA/PG_VERSION\" | wc -l").await.trim(), "1");
    let url = server.url("postgres");
    drop(server);
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn terminating_ends_the_sessions_of_one_application_only() {
    let server = Server::start(&[]).await;
    let url = server.url("postgres");
    let mut kept = connect_as(&url, "kept").await.unwrap();
    let mut ended = connect_as(&url, "ended").await.unwrap();
    assert_eq!(server.terminate_backends("ended").await, 1);
    assert_eq!(server.terminate_backends("ended").await, 0);
    assert!(ended.ping().await.is_err());
    let left = "SELECT FROM pg_stat_activity WHERE application_name = 'ended'";
    assert_eq!(kept.execute(left).await.unwrap().rows_affected(), 0);
}

//! Notifications: apart from the appends, and few.

use std::time::{Duration, Instant};

use futures::future::join_all;
use sqlx::{Connection, Executor, PgConnection, postgres::PgListener};

use super::reader::{append, in_time, run};
use crate::support::{database, open};

async fn channel(url: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let channel = include_str!("../../../sql/notify_channel.sql");
    sqlx::query_scalar(channel).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn notifications_of_one_process_are_ten_milliseconds_apart_and_the_last_commit_has_one() {
    let database = database().await;
    let store = open(&database).await;
    let mut listener = PgListener::connect(database.url()).await.unwrap();
    listener.listen(&channel(database.url()).await).await.unwrap();
    let begun = Instant::now();
    for round in 0..10 {
        join_all((0..40).map(|own| append(&store, round * 40 + own))).await;
    }
    let mut count = 0;
    // All but the last come by then; it has to come, since something was committed after the one before it was due.
    in_time("a notification", listener.recv()).await.unwrap();
    count += 1;
    while let Ok(heard) = tokio::time::timeout(Duration::from_millis(200), listener.recv()).await {
        heard.unwrap();
        count += 1;
    }
    let most = begun.elapsed().as_millis() / 10 + 1;
    assert!(count <= most, "{count} notifications where {most} are the most");
}

#[tokio::test]
async fn a_notification_does_not_wait_for_the_disk() {
    let database = database().await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    run(&mut connection, "BEGIN").await;
    let notify = sqlx::query(include_str!("../../../sql/notify.sql")).bind("somebody");
    connection.execute(notify).await.unwrap();
    let setting: String = sqlx::query_scalar("SHOW synchronous_commit")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(setting, "off");
    run(&mut connection, "ROLLBACK").await;
    let setting: String = sqlx::query_scalar("SHOW synchronous_commit")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(setting, "on", "the setting ends with its transaction");
}

//! The shared server and its databases.

use std::sync::atomic::{AtomicU32, Ordering};

use composable_rust_postgres_fixture::{DatabaseOptions, TestDatabase, admin_url};
use sqlx::{Connection, PgConnection};
use tokio::sync::Notify;

use crate::connection::{execute, text};

#[tokio::test]
async fn the_shared_server_answers_and_is_durable() {
    assert_eq!(text(admin_url().await, "SHOW fsync").await, "on");
}

#[tokio::test]
async fn two_databases_from_one_template_are_independent() {
    let prepare = async |url: &str| execute(url, "CREATE TABLE orders (id text)").await;
    let one = TestDatabase::from_template("independent", prepare).await;
    let two = TestDatabase::from_template("independent", prepare).await;
    execute(one.url(), "INSERT INTO orders VALUES ('a')").await;
    assert_eq!(text(one.url(), "SELECT count(*)::text FROM orders").await, "1");
    assert_eq!(text(two.url(), "SELECT count(*)::text FROM orders").await, "0");
}

#[tokio::test]
async fn a_template_is_prepared_once_though_many_ask_at_once() {
    let (count, name) = (AtomicU32::new(0), format!("once_{}", std::process::id()));
    let prepare = async |_: &str| {
        count.fetch_add(1, Ordering::SeqCst);
    };
    let ask = || TestDatabase::from_template(&name, prepare);
    let databases = tokio::join!(ask(), ask(), ask(), ask());
    assert_ne!(databases.0.name(), databases.1.name());
    assert_eq!(count.into_inner(), 1);
}

#[tokio::test]
async fn a_template_whose_creator_failed_is_made_anew() {
    let name = format!("failed_{}", std::process::id());
    let half = async |url: &str| execute(url, "CREATE TABLE half_made (id text)").await;
    let reached = Notify::new();
    let dies = async |url: &str| {
        half(url).await;
        reached.notify_one();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = TestDatabase::from_template(&name, dies) => panic!("a template that is never ready"),
        () = reached.notified() => {}
    }
    let whole = async |url: &str| execute(url, "CREATE TABLE whole (id text)").await;
    let database = TestDatabase::from_template(&name, whole).await;
    let tables = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(text(database.url(), tables).await, "whole");
}

#[tokio::test]
async fn a_dropped_database_is_gone_though_somebody_is_connected() {
    let database = TestDatabase::empty().await;
    let name = database.name().to_owned();
    let _connected = PgConnection::connect(database.url()).await.unwrap();
    drop(database);
    let left = format!("SELECT count(*)::text FROM pg_database WHERE datname = '{name}'");
    assert_eq!(text(admin_url().await, &left).await, "0");
}

#[tokio::test]
async fn options_reach_the_database() {
    let options = DatabaseOptions::default().locale("C").set("lock_timeout", "7s");
    let database = TestDatabase::empty_with(options).await;
    assert_eq!(text(database.url(), "SHOW lock_timeout").await, "7s");
    assert_eq!(
        text(
            database.url(),
            "SELECT datcollate::text FROM pg_database WHERE datname = current_database()"
        )
        .await,
        "C"
    );
}

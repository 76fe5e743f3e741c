//! Passwords are never shown.

use composable_rust_postgres::PostgresEventStore;
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::support;

#[tokio::test]
async fn nothing_that_is_printed_shows_a_password() {
    let database = support::database().await;
    let options: PgConnectOptions = database.url().parse().unwrap();
    let url = options.to_url_lossy();
    let password = url.password().unwrap().to_owned();
    let shows = |text: String| assert!(!text.contains(&password), "{text}");

    let options = PostgresEventStore::options().listen_url(database.url());
    shows(format!("{options:?}"));
    let store = options.connect(database.url()).await.unwrap();
    shows(format!("{store:?}"));
    assert!(
        format!("{store:?}").contains("postgres://postgres@"),
        "and yet says where it is"
    );
    let pool = PgPoolOptions::new().connect(database.url()).await.unwrap();
    shows(format!("{:?}", PostgresEventStore::from_pool(pool).await.unwrap()));
}

//! Statements over a connection of their own.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};

/// A connection that the server knows by `application_name`.
pub(crate) async fn connect_as(url: &str, application_name: &str) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    PgConnection::connect_with(&options.application_name(application_name)).await
}

pub(crate) async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

pub(crate) async fn text(url: &str, query: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
    let text = query.fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    text
}

pub(crate) async fn count(url: &str) -> String {
    text(url, "SELECT count(*)::text FROM events").await
}

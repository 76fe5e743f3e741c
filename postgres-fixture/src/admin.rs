//! One connection, for statements about databases.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection with rights over databases.
#[derive(Debug)]
pub(crate) struct Admin {
    connection: PgConnection,
}

impl Admin {
    /// # Errors
    /// When no server answers there in time.
    pub(crate) async fn connect(url: &str) -> Result<Self, sqlx::Error> {
        let connection = timeout(PATIENCE, PgConnection::connect(url))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        Ok(Self {
            connection: connection?,
        })
    }

    /// Executes one statement. The only place that builds statements: names of databases cannot be parameters.
    pub(crate) async fn execute(&mut self, statement: String) -> Result<(), sqlx::Error> {
        self.connection.execute(AssertSqlSafe(statement)).await.map(drop)
    }

    /// # Panics
    /// When the statement fails.
    pub(crate) async fn must(&mut self, statement: String) {
        let result = self.execute(statement.clone()).await;
        result.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// The first column of all rows.
    pub(crate) async fn texts(&mut self, query: &'static str, parameter: &str) -> Vec<String> {
        let rows = sqlx::query(query).bind(parameter).fetch_all(&mut self.connection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(crate) async fn close(self) {
        let _ = self.connection.close().await;
    }
}

/// An identifier, quoted.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

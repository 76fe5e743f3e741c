//! Which log a connection leads to: the store's own connections, and a transaction of the caller's.

use std::fmt;

use sqlx::{Executor, PgConnection, Row};

use crate::statements;

/// The log of a session. The name of the schema and not the number of the table, which is another one after a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogTarget {
    /// `None` where the role is not allowed to know it.
    cluster: Option<i64>,
    database: String,
    database_oid: i64,
    /// `None` where there is no table of events.
    schema: Option<String>,
}

/// The log that a session leads to, and the level of its transaction.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) isolation: String,
    pub(crate) log: LogTarget,
}

impl Session {
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let row = connection
            .fetch_one(sqlx::query(statements::TRANSACTION_TARGET))
            .await?;
        Ok(Self {
            isolation: row.try_get(0)?,
            log: LogTarget {
                cluster: row.try_get(1)?,
                database: row.try_get(2)?,
                database_oid: row.try_get(3)?,
                schema: row.try_get(4)?,
            },
        })
    }
}

impl LogTarget {
    /// Whether both are the same log, as far as it is known.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let clusters = self.cluster.zip(other.cluster);
        clusters.is_none_or(|(one, other)| one == other)
            && self.database_oid == other.database_oid
            && self.schema.is_some()
            && self.schema == other.schema
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "schema {schema} of database {}", self.database)?,
            None => write!(f, "no event store in database {}", self.database)?,
        }
        self.cluster
            .map_or(Ok(()), |cluster| write!(f, " of cluster {cluster}"))
    }
}

//! Which cluster wrote the log: transaction ids of two clusters do not compare, so a log that has moved is recognised.

use sqlx::{Executor, PgConnection, Row};

use crate::{LogOriginMismatch, PostgresOpenError, open::OpenFailure, statements, types::Xid8};

/// Checks that the transaction ids in the log are this cluster's.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), OpenFailure> {
    let row = connection.fetch_one(sqlx::query(statements::LOG_ORIGIN)).await?;
    if row.try_get("is_subscribed")? {
        return Err(PostgresOpenError::Subscriber.into());
    }
    let clusters: (Option<i64>, Option<i64>) = (row.try_get("written_by")?, row.try_get("cluster")?);
    let (newest, next): (Option<Xid8>, Xid8) = (row.try_get("newest")?, row.try_get("next")?);
    let mismatch = match (clusters, newest) {
        _ if row.try_get::<Option<i16>, _>("generation")?.is_none() => LogOriginMismatch::Unknown,
        ((Some(written_by), Some(here)), _) if written_by != here => LogOriginMismatch::Cluster { written_by, here },
        (_, Some(newest)) if newest >= next => LogOriginMismatch::Transactions {
            newest: newest.0,
            next: next.0,
        },
        _ => return Ok(()),
    };
    Err(PostgresOpenError::LogOriginMismatch(mismatch).into())
}

/// Starts a new generation of a log that another cluster has written. Does nothing if the log is this cluster's.
pub(crate) async fn adopt(connection: &mut PgConnection) -> Result<(), OpenFailure> {
    match check(connection).await {
        Err(OpenFailure::Refused(PostgresOpenError::LogOriginMismatch(mismatch))) => {
            let row = connection.fetch_one(sqlx::query(statements::ADOPT)).await?;
            let generation: i16 = row.try_get(0)?;
            tracing::info!(generation, %mismatch, "adopted the log of another cluster");
            Ok(())
        }
        checked => checked,
    }
}

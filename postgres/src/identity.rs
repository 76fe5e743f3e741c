//! Whose log it is: transaction ids of two clusters do not compare, so a log that has moved is recognised.

use sqlx::{Executor, PgConnection, Row};

use crate::{Foreign, OpenError, open::Failed, statements, types::Xid8};

/// That the transaction ids in the log are this cluster's.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), Failed> {
    let row = connection.fetch_one(sqlx::query(statements::IDENTITY)).await?;
    if row.try_get("is_subscribed")? {
        return Err(OpenError::Subscriber.into());
    }
    let clusters: (Option<i64>, Option<i64>) = (row.try_get("written_by")?, row.try_get("cluster")?);
    let (newest, next): (Option<Xid8>, Xid8) = (row.try_get("newest")?, row.try_get("next")?);
    let foreign = match (clusters, newest) {
        _ if row.try_get::<Option<i16>, _>("generation")?.is_none() => Foreign::Unknown,
        ((Some(written_by), Some(here)), _) if written_by != here => Foreign::Cluster { written_by, here },
        (_, Some(newest)) if newest >= next => Foreign::Transactions {
            newest: newest.0,
            next: next.0,
        },
        _ => return Ok(()),
    };
    Err(OpenError::ForeignLog(foreign).into())
}

/// Lets the log go on here, unless it does already.
pub(crate) async fn adopt(connection: &mut PgConnection) -> Result<(), Failed> {
    match check(connection).await {
        Err(Failed::Refused(OpenError::ForeignLog(foreign))) => {
            let row = connection.fetch_one(sqlx::query(statements::ADOPT)).await?;
            let generation: i16 = row.try_get(0)?;
            tracing::info!(generation, %foreign, "adopted the log of another cluster");
            Ok(())
        }
        checked => checked,
    }
}

//! A connection on loan from the pool.

use std::sync::Arc;

use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    errors::{self, ErrorClass},
    pool::Pool,
};

#[derive(Debug)]
pub(crate) enum Held {
    Own(PgConnection),
    Pooled(PoolConnection<Postgres>),
}

/// A connection on loan. Unless [`PooledConnection::finish`] says that its last statement is over and went well, it is
/// closed when it comes back: an answer may be on its way that the next caller would take for its own, or a transaction may
/// be open.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    held: Option<Held>,
    pool: Arc<Pool>,
    is_reusable: bool,
    is_abandoned: bool,
    _permit: OwnedSemaphorePermit,
}

impl PooledConnection {
    pub(crate) const fn new(held: Held, pool: Arc<Pool>, permit: OwnedSemaphorePermit) -> Self {
        Self {
            held: Some(held),
            pool,
            // Nothing was sent yet.
            is_reusable: true,
            is_abandoned: false,
            _permit: permit,
        }
    }

    /// The connection, for the next statement. From now on it is closed when it is dropped, until
    /// [`PooledConnection::finish`].
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.is_reusable = false;
        match &mut self.held {
            Some(Held::Own(connection)) => Ok(connection),
            Some(Held::Pooled(connection)) => Ok(connection),
            None => Err(sqlx::Error::PoolClosed),
        }
    }

    /// Says that the rest of an answer was not read: the connection is closed, since its next user would have to read it.
    pub(crate) const fn abandon(&mut self) {
        self.is_abandoned = true;
    }

    /// Says that no statement is under way any more, and how the last one ended: an ordinary refusal by the server leaves
    /// the connection good, anything else does not.
    pub(crate) fn finish(&mut self, failed: Option<&sqlx::Error>) {
        self.is_reusable = match failed.map(ErrorClass::of) {
            None | Some(ErrorClass::UniqueViolation | ErrorClass::Serialization) => true,
            Some(ErrorClass::ConnectionLost | ErrorClass::IdleTimeout | ErrorClass::TimedOut) => {
                self.pool.suspect_idle();
                false
            }
            Some(ErrorClass::StalePlan) => {
                self.pool.discard_idle();
                false
            }
            // Another server may be the primary by now: the next connection looks the name up again.
            Some(ErrorClass::ReadOnly | ErrorClass::Busy | ErrorClass::Unreachable | ErrorClass::Stopped) => false,
            Some(ErrorClass::Other) => {
                failed.is_some_and(|error| error.as_database_error().is_some() && !errors::is_fatal(error))
            }
        };
    }
}

impl Drop for PooledConnection {
    /// Runs before the permit is given back, so that the next caller finds the connection.
    fn drop(&mut self) {
        let is_good = self.is_reusable && !self.is_abandoned;
        match self.held.take() {
            Some(Held::Own(connection)) if is_good => self.pool.put_back(connection),
            Some(Held::Pooled(mut connection)) if !is_good => connection.close_on_drop(),
            Some(Held::Own(_) | Held::Pooled(_)) | None => {}
        }
    }
}

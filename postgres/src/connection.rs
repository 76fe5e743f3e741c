//! The connections of a store: lent to one caller at a time, first come first served.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, Postgres, pool::PoolConnection, postgres::PgConnectOptions,
};
use tokio::{
    runtime::{Handle, Id},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    address::Address,
    errors::{self, ErrorClass, StoreStopped},
    identity,
    open::Failed,
};

/// A connection that nobody used for so long is asked whether it lives before it is lent.
const TRUSTED_FOR: Duration = Duration::from_secs(10);

/// A connection that nobody needed for so long is closed.
const KEPT_FOR: Duration = Duration::from_mins(10);

/// Connections to a server, opened when they are first needed.
///
/// Not the driver's pool, unless the application brings one: that one asks each connection whether it lives, a round trip,
/// whenever one is given back, and before it lends it too unless told otherwise. Here a connection is asked only when it
/// was idle for long, or while another one was found broken.
#[derive(Debug)]
pub(crate) struct Connections {
    source: Source,
    permits: Arc<Semaphore>,
    most: u32,
    acquire_timeout: Duration,
    idle: Mutex<Vec<Idle>>,
    /// Whether the log was found to be this cluster's when the store was opened.
    guarded: AtomicBool,
    /// When a connection was last found broken: those that were idle then are asked before they are lent.
    broken: Mutex<Option<Instant>>,
}

#[derive(Debug)]
enum Source {
    Own(Address),
    Pool(PgPool),
}

#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
    /// Where it was opened: only while somebody drives this runtime does anything come through.
    runtime: Id,
}

#[derive(Debug)]
enum Held {
    Own(PgConnection),
    Pooled(PoolConnection<Postgres>),
}

impl Connections {
    /// At most `most` connections of the store's own.
    pub(crate) fn own(options: PgConnectOptions, most: u32, acquire_timeout: Duration) -> Arc<Self> {
        Self::new(Source::Own(options.into()), most, acquire_timeout)
    }

    /// The application's pool, which bounds their number itself.
    pub(crate) fn of_pool(pool: PgPool) -> Arc<Self> {
        let options = pool.options();
        let (most, acquire_timeout) = (options.get_max_connections(), options.get_acquire_timeout());
        Self::new(Source::Pool(pool), most, acquire_timeout)
    }

    fn new(source: Source, most: u32, acquire_timeout: Duration) -> Arc<Self> {
        let most = most.max(1);
        Arc::new(Self {
            source,
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            acquire_timeout,
            idle: Mutex::default(),
            guarded: AtomicBool::new(false),
            broken: Mutex::default(),
        })
    }

    /// How long to wait for a connection, or for one to come back.
    pub(crate) const fn patience(&self) -> Duration {
        self.acquire_timeout
    }

    /// A connection for this caller alone, until it is dropped.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease, sqlx::Error> {
        let leased = timeout(self.acquire_timeout, self.try_lease()).await;
        leased.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    async fn try_lease(self: &Arc<Self>) -> Result<Lease, sqlx::Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let runtime = Handle::try_current().map_err(|_| StoreStopped::NoRuntime)?.id();
        let held = match &self.source {
            Source::Pool(pool) => Held::Pooled(pool.acquire().await?),
            Source::Own(address) => Held::Own(match self.living(runtime).await {
                Some(connection) => connection,
                None => self.open(address).await?,
            }),
        };
        Ok(Lease {
            held: Some(held),
            home: Arc::clone(self),
            runtime,
            done: false,
            abandoned: false,
            _permit: permit,
        })
    }

    /// From now on, whatever a new connection leads to has to be this cluster's log.
    pub(crate) fn guard(&self) {
        self.guarded.store(true, Ordering::Relaxed);
    }

    /// By the same name the next connection may find another server than the last one did, to which the log was restored.
    async fn open(&self, address: &Address) -> Result<PgConnection, sqlx::Error> {
        let mut connection = address.options().connect().await.map_err(unreachable)?;
        if self.guarded.load(Ordering::Relaxed) {
            let checked = identity::check(&mut connection).await;
            checked.map_err(Failed::into_driver_error)?;
        }
        Ok(connection)
    }

    /// An idle connection of this runtime, the last used first, that can be relied on.
    async fn living(&self, runtime: Id) -> Option<PgConnection> {
        loop {
            let mut idle = self.take_idle(runtime)?;
            if !self.is_in_doubt(&idle) || idle.connection.ping().await.is_ok() {
                return Some(idle.connection);
            }
        }
    }

    fn is_in_doubt(&self, idle: &Idle) -> bool {
        let broken = *self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        idle.since.elapsed() > TRUSTED_FOR || broken.is_some_and(|broken| idle.since <= broken)
    }

    /// The last used one. Closed are those at the other end, which nobody needs any more, and where there is none, those
    /// of other runtimes in whose place one is opened.
    fn take_idle(&self, runtime: Id) -> Option<Idle> {
        let mut idle = self.idle();
        let own = idle.iter().rposition(|idle| idle.runtime == runtime);
        let taken = own.map(|own| idle.remove(own));
        let expired = idle.iter().take_while(|idle| idle.since.elapsed() > KEPT_FOR).count();
        let too_many = idle.len().saturating_sub(self.permits.available_permits());
        drop(idle.drain(..expired.max(too_many)));
        taken
    }

    /// Does some work with a connection, in a task of its own: whoever waits for it may stop polling in the middle and
    /// wait for something else that needs a connection.
    pub(crate) async fn run<T, W>(self: &Arc<Self>, work: W) -> Result<T, sqlx::Error>
    where
        W: for<'c> FnOnce(&'c mut Lease) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
        T: Send + 'static,
    {
        let runtime = Handle::try_current().map_err(|_| StoreStopped::NoRuntime)?;
        let home = Arc::clone(self);
        let task = runtime.spawn(async move {
            let mut lease = home.lease().await?;
            let outcome = work(&mut lease).await;
            lease.finish(outcome.as_ref().err());
            outcome
        });
        task.await.map_err(|_| StoreStopped::RuntimeEnded)?
    }

    /// Waits for every caller to be done and closes the connections; no other will be lent. Waits no longer than for a
    /// connection: a caller on a runtime that nobody drives any more is never done. A pool is left open.
    pub(crate) async fn close(&self) {
        let all = timeout(self.acquire_timeout, self.permits.acquire_many(self.most)).await;
        // A second call finds the semaphore closed. Kept until it is: nobody gets in between.
        let Ok(_all) = all.ok().transpose() else {
            return;
        };
        self.permits.close();
        let connections = std::mem::take(&mut *self.idle());
        let runtime = Handle::try_current().map(|runtime| runtime.id()).ok();
        // Those of other runtimes, which may not be driven any more, are dropped without a farewell.
        for idle in connections.into_iter().filter(|idle| Some(idle.runtime) == runtime) {
            if let Err(error) = idle.connection.close().await {
                tracing::debug!(%error, "a connection did not close cleanly");
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure to connect is never an answer to a statement, whatever its kind.
fn unreachable(error: sqlx::Error) -> sqlx::Error {
    if ErrorClass::of(&error) == ErrorClass::Other {
        return error;
    }
    tracing::debug!(%error, "no connection could be opened");
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, error))
}

/// A connection on loan. Unless [`Lease::finish`] says that its last statement is over and went well, it is closed when it
/// comes back: an answer may be on its way that the next one would take for its own, or a transaction may be open.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Option<Held>,
    home: Arc<Connections>,
    runtime: Id,
    done: bool,
    abandoned: bool,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.done = false;
        match &mut self.held {
            Some(Held::Own(connection)) => Ok(connection),
            Some(Held::Pooled(connection)) => Ok(connection),
            None => Err(sqlx::Error::PoolClosed),
        }
    }

    /// Says that the rest of an answer was not read: whoever got the connection next would have to.
    pub(crate) const fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Says that no statement is under way any more, and how the last one ended: an ordinary refusal by the server leaves
    /// the connection good, anything else does not.
    pub(crate) fn finish(&mut self, failed: Option<&sqlx::Error>) {
        self.done = match failed.map(ErrorClass::of) {
            None | Some(ErrorClass::UniqueViolation | ErrorClass::Serialization) => true,
            Some(ErrorClass::ConnectionLost | ErrorClass::IdleTimeout) => {
                let mut broken = self.home.broken.lock().unwrap_or_else(PoisonError::into_inner);
                *broken = Some(Instant::now());
                false
            }
            // Somebody else may be the primary by now: the next connection asks the name again.
            Some(ErrorClass::ReadOnly | ErrorClass::Busy | ErrorClass::Unreachable) => false,
            Some(ErrorClass::Other) => {
                failed.is_some_and(|error| error.as_database_error().is_some() && !errors::is_fatal(error))
            }
        };
    }
}

impl Drop for Lease {
    /// Runs before the permit is given back, so that whoever gets the permit finds the connection.
    fn drop(&mut self) {
        match self.held.take() {
            Some(Held::Own(connection)) if self.done && !self.abandoned => self.home.idle().push(Idle {
                connection,
                since: Instant::now(),
                runtime: self.runtime,
            }),
            Some(Held::Pooled(mut connection)) if !self.done || self.abandoned => connection.close_on_drop(),
            Some(Held::Own(_) | Held::Pooled(_)) | None => {}
        }
    }
}

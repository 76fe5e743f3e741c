//! The connections of a store: lent to one caller at a time, first come first served, within a time limit.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, Postgres, pool::PoolConnection, postgres::PgConnectOptions,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    address::Address,
    deadline::Deadline,
    errors::{ConnectFailure, TimeLimit},
    idle::{Candidate, IdleConnections},
    log_origin,
    open::OpenFailure,
    pooled_connection::{Held, PooledConnection},
    stats::PoolCounters,
};

/// A connection that has died silently costs a caller at most this long, and at most a third of its acquire timeout: the
/// rest is left for a new connection.
const MAX_PING: Duration = Duration::from_secs(1);

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Until it has a connection: its turn, a sign of life from an idle connection, or a new connection.
    pub(crate) acquire: Duration,
    /// Then, for all of its statements.
    pub(crate) statement: Duration,
}

/// Connections to a server, opened when they are first needed.
///
/// Not the driver's pool, unless the application brings one: that one asks each connection whether it lives, a round trip,
/// whenever one is given back, and does not learn from one dead connection that the others may be dead too.
#[derive(Debug)]
pub(crate) struct Pool {
    source: Source,
    handle: Handle,
    limits: Limits,
    permits: Arc<Semaphore>,
    max: u32,
    // A std Mutex: nothing awaits while it is held.
    idle: Mutex<IdleConnections>,
    /// Whether the log was found to be this cluster's when the store was opened.
    is_origin_checked: AtomicBool,
    pub(crate) counters: PoolCounters,
}

#[derive(Debug)]
enum Source {
    Own(Address),
    Application(PgPool),
}

/// Which connection a caller wants.
#[derive(Clone, Copy)]
enum Wanted {
    Any,
    /// One without prepared statements.
    Fresh,
}

impl Pool {
    /// At most `max` connections of the store's own.
    pub(crate) fn own(options: PgConnectOptions, max: u32, limits: Limits, handle: Handle) -> Arc<Self> {
        Self::new(Source::Own(options.into()), max, limits, handle)
    }

    /// The application's pool, which bounds their number itself.
    pub(crate) fn of_application(pool: PgPool, limits: Limits, handle: Handle) -> Arc<Self> {
        let max = pool.options().get_max_connections();
        Self::new(Source::Application(pool), max, limits, handle)
    }

    fn new(source: Source, max: u32, limits: Limits, handle: Handle) -> Arc<Self> {
        let max = max.max(1);
        Arc::new(Self {
            source,
            handle,
            limits,
            permits: Arc::new(Semaphore::new(max as usize)),
            max,
            idle: Mutex::default(),
            is_origin_checked: AtomicBool::new(false),
            counters: PoolCounters::default(),
        })
    }

    /// The runtime that the store works on.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) const fn max_connections(&self) -> usize {
        self.max as usize
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// The deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.limits.acquire.saturating_add(self.limits.statement))
    }

    /// A connection for this caller alone, until it is dropped. Waits no longer than the acquire timeout. In a task of the
    /// store's runtime.
    pub(crate) async fn acquire(self: &Arc<Self>, deadline: Deadline) -> Result<PooledConnection, sqlx::Error> {
        if let Some(connection) = self.trusted_idle() {
            return Ok(connection);
        }
        // Boxed: these futures are large, and every call would copy them though most never need them.
        Box::pin(self.acquire_as(Wanted::Any, deadline)).await
    }

    /// The same, without prepared statements from before: a new connection, unless it is the application's.
    pub(crate) async fn acquire_fresh(self: &Arc<Self>, deadline: Deadline) -> Result<PooledConnection, sqlx::Error> {
        Box::pin(self.acquire_as(Wanted::Fresh, deadline)).await
    }

    /// An idle connection that was used a moment ago, if there is one and a caller may have it at once.
    fn trusted_idle(self: &Arc<Self>) -> Option<PooledConnection> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let connection = self.idle().take_trusted()?;
        Some(PooledConnection::new(Held::Own(connection), Arc::clone(self), permit))
    }

    async fn acquire_as(self: &Arc<Self>, wanted: Wanted, deadline: Deadline) -> Result<PooledConnection, sqlx::Error> {
        let deadline = deadline.within(self.limits.acquire);
        let permit = self.permit(deadline).await?;
        let held = match &self.source {
            Source::Application(pool) => pooled(pool, wanted, deadline).await.map(Held::Pooled),
            Source::Own(address) => self.own_connection(address, wanted, deadline).await.map(Held::Own),
        };
        let held = held.inspect_err(|error| self.counters.note_acquire_failure(error))?;
        Ok(PooledConnection::new(held, Arc::clone(self), permit))
    }

    async fn permit(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit, sqlx::Error> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        self.counters.acquire_waits.increment();
        let permit = deadline.run(Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| TimeLimit::Queue.into());
        let permit = permit.inspect_err(|error| self.counters.note_acquire_failure(error))?;
        permit.map_err(|_| sqlx::Error::PoolClosed)
    }

    async fn own_connection(
        &self,
        address: &Address,
        wanted: Wanted,
        deadline: Deadline,
    ) -> Result<PgConnection, sqlx::Error> {
        match wanted {
            Wanted::Any => {
                if let Some(connection) = self.validated_idle(deadline).await {
                    return Ok(connection);
                }
            }
            // A caller has a place for one connection, an idle or a new one: no more than `max` are open at a time.
            Wanted::Fresh => {
                let replaced = self.idle().remove_oldest();
                drop(replaced);
            }
        }
        self.connect(address, deadline).await
    }

    /// By the same name the next connection may find another server than the last one did, to which the log was restored.
    async fn connect(&self, address: &Address, deadline: Deadline) -> Result<PgConnection, sqlx::Error> {
        let connecting = async {
            let connection = address.options().connect().await;
            let mut connection = connection.map_err(ConnectFailure::mark)?;
            if self.is_origin_checked.load(Ordering::Relaxed) {
                let checked = log_origin::check(&mut connection).await;
                checked.map_err(OpenFailure::into_driver_error)?;
            }
            Ok(connection)
        };
        let connected = deadline.run(connecting).await;
        let connected = connected.unwrap_or_else(|_| Err(ConnectFailure::timed_out()));
        self.counters.connections_opened.add(u64::from(connected.is_ok()));
        connected.inspect_err(|error| tracing::debug!(%error, "no connection could be opened"))
    }

    /// An idle connection that can be relied on. One that does not answer takes all that were idle beside it along: each of
    /// them could cost as much time again.
    async fn validated_idle(&self, deadline: Deadline) -> Option<PgConnection> {
        let candidate = self.idle().take()?;
        let mut connection = match candidate {
            Candidate::Trusted(connection) => return Some(connection),
            Candidate::Suspect(connection) => connection,
        };
        let asked = Instant::now();
        let limit = deadline.within(MAX_PING.min(self.limits.acquire / 3));
        if matches!(limit.run(connection.ping()).await, Ok(Ok(()))) {
            return Some(connection);
        }
        let dead = self.idle().remove_older(asked);
        self.counters.connections_lost.add(1 + dead.len() as u64);
        None
    }

    /// From now on, whatever a new connection leads to has to be this cluster's log.
    pub(crate) fn check_origin_on_connect(&self) {
        self.is_origin_checked.store(true, Ordering::Relaxed);
    }

    /// Takes a connection back that can be lent again.
    pub(crate) fn put_back(&self, connection: PgConnection) {
        if self.permits.is_closed() {
            return;
        }
        let mut idle = self.idle();
        idle.put(connection);
        let expired = idle.remove_expired();
        drop(idle);
        drop(expired);
    }

    /// Notes that a connection was found dead: those that are idle have to answer before they are lent. Those of the
    /// application's pool are closed.
    pub(crate) fn suspect_idle(&self) {
        self.counters.connections_lost.increment();
        self.idle().suspect_all();
        // Those of the application's pool can't be asked later, since it does not say how long they were idle.
        if let Source::Application(pool) = &self.source {
            while let Some(mut idle) = pool.try_acquire() {
                idle.close_on_drop();
            }
        }
    }

    /// Closes the idle connections: their prepared statements are out of date.
    pub(crate) fn discard_idle(&self) {
        let stale = self.idle().remove_all();
        drop(stale);
    }

    /// Waits for the callers that have a connection, closes the connections and lends no other. What is not done by the
    /// deadline is left behind. The application's pool is left open.
    pub(crate) async fn close(&self, deadline: Deadline) {
        let all = deadline.run(self.permits.acquire_many(self.max)).await;
        // The permits are kept until no other can be had.
        self.permits.close();
        drop(all);
        let connections = self.idle().remove_all();
        for connection in connections {
            if !matches!(deadline.run(connection.close()).await, Ok(Ok(()))) {
                tracing::debug!("a connection did not close cleanly");
            }
        }
    }

    /// Lends no other connection, and drops the idle ones without a farewell.
    pub(crate) fn close_now(&self) {
        self.permits.close();
        let connections = self.idle().remove_all();
        drop(connections);
    }

    /// How many connections are idle, and how many are lent.
    pub(crate) fn usage(&self) -> (usize, usize) {
        let idle = match &self.source {
            Source::Own(_) => self.idle().len(),
            Source::Application(pool) => pool.num_idle(),
        };
        let available = if self.permits.is_closed() {
            self.max_connections()
        } else {
            self.permits.available_permits()
        };
        (idle, self.max_connections().saturating_sub(available))
    }

    fn idle(&self) -> MutexGuard<'_, IdleConnections> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of the application's pool, whose own acquire timeout counts as well.
async fn pooled(pool: &PgPool, wanted: Wanted, deadline: Deadline) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    let acquiring = async {
        let mut connection = pool.acquire().await.map_err(ConnectFailure::mark)?;
        if matches!(wanted, Wanted::Fresh) {
            connection
                .clear_cached_statements()
                .await
                .map_err(ConnectFailure::mark)?;
        }
        Ok(connection)
    };
    let acquired = deadline.run(acquiring).await;
    acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

//! How a store is opened.

use std::time::Duration;

use sqlx::PgPool;
use tokio::runtime::Handle;

use crate::{
    PostgresEventStore, PostgresOpenError,
    address::{Address, Unparsed},
    open,
    pool::Limits,
};

/// How a store is opened; the defaults are right for most.
///
/// ```no_run
/// use std::time::Duration;
/// use composable_rust_core::{EventLog, Position};
/// use composable_rust_postgres::PostgresEventStore;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = PostgresEventStore::options()
///     .max_connections(16)
///     .acquire_timeout(Duration::from_secs(1))
///     .schema("orders")
///     .migrate_on_connect(true)
///     .connect("postgres://app@localhost/shop")
///     .await?;
/// assert_eq!(store.head().await?, Position::BEGINNING);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options open nothing until `connect` or `from_pool` is called"]
pub struct PostgresOptions {
    settings: Settings,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word that an application may say"
)]
pub(crate) struct Settings {
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) application_name: Option<String>,
    /// The runtime that the store works on; `None` for the one that it is opened on.
    pub(crate) handle: Option<Handle>,
    pub(crate) max_queued_appends: usize,
    pub(crate) statement_cache: Option<usize>,
    pub(crate) schema: Option<String>,
    /// How often a waiting reader looks while events are on their way, and while none are.
    pub(crate) poll_interval: Duration,
    pub(crate) idle_poll_interval: Duration,
    pub(crate) notifications: bool,
    pub(crate) listen_url: Option<Unparsed>,
    /// Where to LISTEN, once that is known; `None` where notifications are off or nothing would come through.
    pub(crate) listen: Option<Address>,
    pub(crate) transaction_pooler: bool,
    pub(crate) require_durability: bool,
    pub(crate) event_type_index: bool,
    pub(crate) migrate_on_connect: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
            application_name: None,
            handle: None,
            max_queued_appends: 16_384,
            statement_cache: None,
            schema: None,
            poll_interval: Duration::from_millis(20),
            idle_poll_interval: Duration::from_secs(1),
            notifications: true,
            listen_url: None,
            listen: None,
            transaction_pooler: false,
            require_durability: false,
            event_type_index: true,
            migrate_on_connect: false,
        }
    }
}

impl Settings {
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            acquire: self.acquire_timeout,
            statement: self.statement_timeout,
        }
    }
}

/// No timer is asked for less.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// A longer limit is as good as none, and the server's settings hold no more than 24 days.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

impl PostgresOptions {
    /// The most connections at the same time, opened when they are first needed. 8 by default, at least 1: appends of many
    /// callers share commits, so that more connections help readers alone. One more listens, if notifications are on.
    /// A pool has its own limit.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.settings.max_connections = connections.clamp(1, 1024);
        self
    }

    /// How long a call waits for a connection: until one is free, an idle one has answered a ping, or a new one is open.
    /// 3 seconds by default, 24 hours at most. After that it is `Unavailable`: nothing was sent. A call takes no
    /// longer than this and [`PostgresOptions::statement_timeout`] together; a stream of events, for each of its pages. A
    /// pool's own acquire timeout counts too, and the smaller one ends the wait.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.settings.acquire_timeout = timeout.clamp(SHORTEST_INTERVAL, LONGEST_TIMEOUT);
        self
    }

    /// How long a call waits for the answers to its statements once it has a connection. 10 seconds by default, 24 hours at
    /// most. After that, a read is `Unavailable` and an append `OutcomeUnknown`, and the connection is closed. Migrating
    /// a large log may take longer: set a longer limit for it.
    ///
    /// The server gets limits that follow from this one: nine tenths of it for a statement and for an idle transaction, and
    /// keepalives that notice a lost connection within about this time. They end statements that the store has given up, and
    /// so bound how long these hold readers of the log back. They are set when a session starts, except through a pool or a
    /// pooler: there, set `statement_timeout` and `idle_in_transaction_session_timeout` for the role.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.settings.statement_timeout = timeout.clamp(SHORTEST_INTERVAL, LONGEST_TIMEOUT);
        self
    }

    /// The tokio runtime that the store works on, with its timer and its I/O enabled. By default, the one that the store is
    /// opened on. It has to run for as long as the store is used: calls may come from other runtimes or from none, and wait
    /// for its tasks. When it has ended, calls are `Unavailable`, with the reason `Closed`. While it exists but is not driven
    /// (a current-thread runtime outside of `block_on`), a caller on another runtime is answered a little after the limits of
    /// its call, and a caller without a runtime is not answered.
    ///
    /// ```no_run
    /// use composable_rust_postgres::PostgresEventStore;
    ///
    /// let runtime = tokio::runtime::Runtime::new()?;
    /// let opening = PostgresEventStore::options()
    ///     .handle(runtime.handle().clone())
    ///     .connect("postgres://app@localhost/shop");
    /// // No runtime here: any executor will do.
    /// let store = futures::executor::block_on(opening)?;
    /// assert_eq!(futures::executor::block_on(store.ping()).is_ok(), true);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle(mut self, handle: Handle) -> Self {
        self.settings.handle = Some(handle);
        self
    }

    /// The name of the store's sessions in `pg_stat_activity` and in the server's log. By default, the one in the URL, or
    /// else `composable-rust`. A pool has its own.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.settings.application_name = Some(name.into());
        self
    }

    /// The most appends that wait or are in flight at once. Further callers wait for a place, in order, within their acquire
    /// timeout; then they get [`Unavailable`](composable_rust_core::Unavailable) with the reason
    /// [`Overloaded`](composable_rust_core::UnavailableReason::Overloaded). 16,384 by default, at least 1.
    pub fn max_queued_appends(mut self, appends: usize) -> Self {
        self.settings.max_queued_appends = appends.max(1);
        self
    }

    /// How many prepared statements a connection keeps. By default, the number in the URL, or else 100: room for all
    /// statements of the store.
    /// With 0 every call takes one round trip more, to prepare its statement. A pool has its own.
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.settings.statement_cache = Some(statements);
        self
    }

    /// The schema that holds the store's tables: stores of several schemas live side by side in one database. By
    /// default, the first of the session's `search_path`. Migrating creates it. With a pool or a pooler this is checked, not set.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.settings.schema = Some(schema.into());
        self
    }

    /// The poll interval of waiting readers while committed events are not yet readable, because an older transaction is
    /// open. 20 milliseconds by default, at least 1.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.poll_interval = interval.max(SHORTEST_INTERVAL);
        self
    }

    /// The poll interval of waiting readers while every committed event is readable. One second by default, at least 1
    /// millisecond; notifications wake a reader sooner.
    pub fn idle_poll_interval(mut self, interval: Duration) -> Self {
        self.settings.idle_poll_interval = interval.max(SHORTEST_INTERVAL);
        self
    }

    /// Whether this store announces its appends by NOTIFY, and listens for those of other stores. On by default. It only
    /// decides how soon a waiting reader of another process wakes.
    pub fn notifications(mut self, on: bool) -> Self {
        self.settings.notifications = on;
        self
    }

    /// Where to LISTEN, when everything else goes through a pooler: an address of the server itself.
    pub fn listen_url(mut self, url: impl Into<String>) -> Self {
        self.settings.listen_url = Some(Unparsed(url.into()));
        self
    }

    /// Says that a pooler in transaction mode stands between the store and the server. Then nothing is set when a session
    /// starts (so the role's `default_transaction_isolation` and `search_path` count, and are checked), and the store
    /// listens only at [`PostgresOptions::listen_url`]. The pooler has to keep track of prepared statements: pgbouncer
    /// 1.21 or newer with `max_prepared_statements`. An older one serves in session mode only, and needs this option too.
    ///
    /// The server's own limits are then those of the role: see [`PostgresOptions::statement_timeout`].
    pub fn transaction_pooler(mut self, present: bool) -> Self {
        self.settings.transaction_pooler = present;
        self
    }

    /// Refuses a server that may lose acknowledged events: one with `fsync` or `synchronous_commit` off. By default that
    /// is a warning in the trace.
    pub fn require_durability(mut self, require: bool) -> Self {
        self.settings.require_durability = require;
        self
    }

    /// Whether the schema is created with an index on `event_type`, for queries by people: the store never uses it, and
    /// every append updates it. On by default; counts when the tables are created, not later.
    pub fn event_type_index(mut self, present: bool) -> Self {
        self.settings.event_type_index = present;
        self
    }

    /// Whether to bring the schema up to date before the store opens, which needs the right to create tables. Off by
    /// default, so that a program in production needs no such right.
    pub fn migrate_on_connect(mut self, migrate: bool) -> Self {
        self.settings.migrate_on_connect = migrate;
        self
    }

    /// Opens the store in the database at `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// [`PostgresOpenError::Unreachable`]: check host and port, then try again. [`PostgresOpenError::NotMigrated`]: run `migrate`.
    /// [`PostgresOpenError::NoRuntime`]: open on a tokio runtime, or name one with `handle`. Each other variant says what to do.
    pub async fn connect(self, url: &str) -> Result<PostgresEventStore, PostgresOpenError> {
        open::url(url, self.settings).await
    }

    /// Opens the store through the application's own pool: its number of connections and their settings count, not those of
    /// these options. The pool has to be made on the runtime that the store works on.
    /// Switch its `test_before_acquire` off, which costs each append a round trip.
    ///
    /// # Errors
    /// [`PostgresOpenError::Unreachable`]: check host and port, then try again. [`PostgresOpenError::NotMigrated`]: run `migrate`.
    /// [`PostgresOpenError::NoRuntime`]: open on a tokio runtime, or name one with `handle`. Each other variant says what to do.
    pub async fn from_pool(self, pool: PgPool) -> Result<PostgresEventStore, PostgresOpenError> {
        open::pool(pool, self.settings).await
    }

    /// Brings the schema of the database at `url` up to date: see [`PostgresEventStore::migrate`].
    ///
    /// # Errors
    /// [`PostgresOpenError::Unreachable`]: check host and port, then try again. [`PostgresOpenError::NotMigrated`]: run `migrate`.
    /// [`PostgresOpenError::NoRuntime`]: open on a tokio runtime, or name one with `handle`. Each other variant says what to do.
    pub async fn migrate(self, url: &str) -> Result<(), PostgresOpenError> {
        open::migrate(url, self.settings).await
    }

    /// Takes over the log in the database at `url`: see [`PostgresEventStore::adopt`].
    ///
    /// # Errors
    /// [`PostgresOpenError::Unreachable`]: check host and port, then try again. [`PostgresOpenError::NotMigrated`]: run `migrate`.
    /// [`PostgresOpenError::NoRuntime`]: open on a tokio runtime, or name one with `handle`. Each other variant says what to do.
    pub async fn adopt(self, url: &str) -> Result<(), PostgresOpenError> {
        open::adopt(url, self.settings).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_before_the_attempt_and_the_command_that_it_is_part_of() {
        // The runtime's limits, which this crate does not depend on.
        let (attempt, command) = (Duration::from_secs(15), Duration::from_mins(1));
        let limits = Settings::default().limits();
        assert!(limits.acquire < limits.statement);
        assert!(limits.acquire + limits.statement < attempt && attempt < command);
    }

    #[test]
    fn no_limit_is_longer_than_the_servers_settings_hold() {
        let options = PostgresOptions::default()
            .acquire_timeout(Duration::MAX)
            .statement_timeout(Duration::MAX);
        assert_eq!(options.settings.statement_timeout, LONGEST_TIMEOUT);
        assert_eq!(options.settings.acquire_timeout, LONGEST_TIMEOUT);
    }
}

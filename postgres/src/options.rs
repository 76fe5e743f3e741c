//! How a store is opened.

use std::time::Duration;

use sqlx::PgPool;

use crate::{OpenError, PostgresEventStore, open};

/// How a store is opened; the defaults are right for most.
#[derive(Clone, Debug, Default)]
#[must_use = "options open nothing until `connect` or `from_pool` is called"]
pub struct PostgresOptions {
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) statement_cache: Option<usize>,
    pub(crate) schema: Option<String>,
    /// How often a waiting reader looks while events are on their way, and while none are.
    pub(crate) poll_interval: Duration,
    pub(crate) idle_poll_interval: Duration,
    pub(crate) notifications: bool,
    /// Where to LISTEN, if not where everything else goes.
    pub(crate) direct_url: Option<String>,
    /// Whether a pooler in transaction mode stands between the store and the server.
    pub(crate) transaction_pooler: bool,
    pub(crate) require_durability: bool,
    pub(crate) event_type_index: bool,
    pub(crate) migrate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(30),
            statement_cache: None,
            schema: None,
            poll_interval: Duration::from_millis(20),
            idle_poll_interval: Duration::from_secs(1),
            notifications: true,
            direct_url: None,
            transaction_pooler: false,
            require_durability: false,
            event_type_index: true,
            migrate: false,
        }
    }
}

impl PostgresOptions {
    /// The most connections that are open at the same time, opened when they are first needed. 8 by default, at least 1.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.settings.max_connections = connections.clamp(1, 1024);
        self
    }

    /// How long a call waits for a connection before it is `Unavailable`. 30 seconds by default.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.settings.acquire_timeout = timeout;
        self
    }

    /// Opens the store in the database at `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// See [`OpenError`]; each variant says what to do next.
    pub async fn connect(self, url: &str) -> Result<PostgresEventStore, OpenError> {
        open::url(url, self.settings).await
    }

    /// Opens the store through the application's own pool.
    ///
    /// # Errors
    /// See [`OpenError`]; each variant says what to do next.
    pub async fn from_pool(self, pool: PgPool) -> Result<PostgresEventStore, OpenError> {
        open::pool(pool, self.settings).await
    }
}

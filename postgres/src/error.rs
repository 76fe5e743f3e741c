//! Why a store could not be opened.

use composable_rust_core::SharedError;

/// Why a store could not be opened, migrated or adopted; nothing was changed. Each variant says what to do next.
///
/// ```
/// use composable_rust_postgres::{PostgresOpenError, PostgresEventStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let refused = PostgresEventStore::connect("orders.db").await;
/// assert!(matches!(refused, Err(PostgresOpenError::InvalidUrl(_))));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresOpenError {
    /// The address is not one of a PostgreSQL store. The source says what is wrong with it; the address itself is not
    /// shown, since it may hold a password.
    #[error("invalid PostgreSQL URL: expected postgres://user:password@host:port/database")]
    InvalidUrl(#[source] SharedError),
    /// The name given to [`schema`](crate::PostgresOptions::schema) is empty, longer than 63 bytes, or holds control
    /// characters. Choose another one; nothing was created.
    #[error("invalid schema name")]
    InvalidSchema(#[source] SharedError),
    /// There is no tokio runtime to work on: the store was opened outside of one and without
    /// [`handle`](crate::PostgresOptions::handle), or that runtime has ended.
    #[error("the store needs a tokio runtime: open it on one, or pass its handle in the options")]
    NoRuntime,
    /// Nobody answers at the address within the acquire timeout, or the server is starting, stopping or full. Check host
    /// and port; worth a retry.
    #[error("the server can not be reached")]
    Unreachable(#[source] SharedError),
    /// The address demands an encrypted connection, and this program was built without. Enable one of the features
    /// `tls-rustls-native-roots`, `tls-rustls-webpki` and `tls-native` (in the facade with the prefix `postgres-`), or write
    /// `?sslmode=disable` where the way to the server is private.
    #[error(
        "the URL demands TLS, but none of the features tls-rustls-native-roots, tls-rustls-webpki and tls-native is enabled"
    )]
    TlsNotBuiltIn(#[source] SharedError),
    /// The TLS handshake failed: the server offers no TLS, or its certificate is not trusted. The source says which.
    /// `?sslmode=` sets how much is demanded, and `?sslrootcert=` which authority is trusted.
    #[error("TLS handshake failed")]
    Tls(#[source] SharedError),
    /// The server does not let this user in. Check name, password and the server's `pg_hba.conf`.
    #[error("the server refused the user or the password")]
    Refused(#[source] SharedError),
    /// There is no database by this name. Create it.
    #[error("there is no such database")]
    MissingDatabase(#[source] SharedError),
    /// The schema is not the first of the session's `search_path`. Migrating creates it; where the connections are not
    /// the store's own (a pool, a pooler), set `search_path` for the role or in the pool.
    #[error("the first schema of the search_path is {}, not {expected}", found.as_deref().unwrap_or("missing"))]
    MissingSchema {
        /// The schema that was asked for.
        expected: String,
        /// The one that unqualified names lead to.
        found: Option<String>,
    },
    /// The tables are missing or older than this release. Run `PostgresEventStore::migrate(url)` or
    /// `scripts/migrate.sh`, or open the store with [`migrate_on_connect`](crate::PostgresOptions::migrate_on_connect).
    #[error(
        "the database has schema {found} and needs {needed}: run PostgresEventStore::migrate or scripts/migrate.sh"
    )]
    NotMigrated {
        /// The schema of the database; 0 where there is none.
        found: i64,
        /// The one that this release needs.
        needed: i64,
    },
    /// The database was migrated by a newer release. Use that release; older ones would misread it.
    #[error("the database has schema {found}, newer than the newest known here, {known}")]
    NewerSchema {
        /// The schema of the database.
        found: i64,
        /// The newest that this release knows.
        known: i64,
    },
    /// The database of an application has a table of its own by a name that the store needs. Keep events in a schema of
    /// their own; see [`schema`](crate::PostgresOptions::schema).
    #[error("table `events` exists but has unexpected columns")]
    TableTaken(#[source] SharedError),
    /// The role lacks a right: to read and to append it needs what `docs/database-setup.md` grants, to migrate and to
    /// adopt it has to own the tables, or be allowed to create them.
    #[error("the role lacks a right")]
    PermissionDenied(#[source] SharedError),
    /// The server is older than PostgreSQL 14. Upgrade it.
    #[error("the server is PostgreSQL {found}: at least 14 is needed")]
    ServerTooOld {
        /// Its major version.
        found: i32,
    },
    /// The encoding of the database is not UTF-8. Create one with `ENCODING 'UTF8' TEMPLATE template0`.
    #[error("the database has the encoding {found}: UTF8 is needed")]
    Encoding {
        /// Its encoding.
        found: String,
    },
    /// Connections that are not the store's own have another isolation level, under which even appends to distinct
    /// streams fail each other. Set `default_transaction_isolation` to `read committed` for the role or in the pool.
    #[error("sessions have the isolation level {found}: read committed is needed")]
    Isolation {
        /// Their level.
        found: String,
    },
    /// A setting of the server lets acknowledged events get lost, and the options demand that none does. Set it back.
    #[error("{setting} is {value}: acknowledged events could get lost")]
    NotDurable {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// Another cluster wrote the log, so that new events could appear before old ones, or old ones never. When it was
    /// restored or moved here on purpose and nobody writes to the old one any more, run `PostgresEventStore::adopt(url)`
    /// or `SELECT event_store_adopt()` once: all events and positions stay as they are.
    #[error("the log comes from another cluster: {0}; to go on with it here, run PostgresEventStore::adopt once")]
    LogOriginMismatch(LogOriginMismatch),
    /// A logical subscription fills the log: it would arrive in another order than it was written, and carries the
    /// transaction ids of its publisher. Read from the publisher or from a physical standby; to move here for good, drop
    /// the subscription and adopt the log.
    #[error("the log is filled by a logical subscription: read it from the publisher or from a physical standby")]
    Subscriber,
    /// The server is a standby, or was demoted: it can be read, and not migrated or adopted. Name the primary.
    #[error("the server can not be written")]
    ReadOnly(#[source] SharedError),
    /// The server, or the driver, failed for a reason of its own; the source says which.
    #[error("the store could not be opened")]
    Backend(#[source] SharedError),
}

/// How a log was recognised as another cluster's.
///
/// ```
/// use composable_rust_postgres::LogOriginMismatch;
/// let mismatch = LogOriginMismatch::Cluster { written_by: 1, here: 2 };
/// assert_eq!(mismatch.to_string(), "cluster 1 wrote it, and this is cluster 2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogOriginMismatch {
    /// By the identifiers of the clusters: see `pg_control_system()`.
    #[error("cluster {written_by} wrote it, and this is cluster {here}")]
    Cluster {
        /// The cluster whose transaction ids the log holds.
        written_by: i64,
        /// The one that the store is connected to.
        here: i64,
    },
    /// By a transaction id that this cluster has yet to give.
    #[error("its last transaction is {newest}, and this cluster's next one {next}")]
    Transactions {
        /// The newest in the log.
        newest: u64,
        /// The next of the cluster.
        next: u64,
    },
    /// By a table that is empty and should not be: `event_log`.
    #[error("the table event_log does not say which one")]
    Unknown,
}

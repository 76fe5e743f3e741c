//! The settings of connections.

use sqlx::{
    ConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use crate::options::Settings;

/// Rows that the driver's thread may be ahead of a reader: with large events, this is what bounds memory.
const ROWS_AHEAD: usize = 32;

/// The page cache of the writer: it should hold the inner pages of the indexes.
const CACHE_BYTES: u32 = 16 << 20;

/// The write-ahead log is cut back to this size whenever it starts over.
const LOG_BYTES: u32 = 16 << 20;

/// A connection that writes.
pub(crate) fn writer(database: SqliteConnectOptions, settings: &Settings) -> SqliteConnectOptions {
    let options = common(database, settings)
        .page_size(settings.page_size)
        .synchronous(SqliteSynchronous::Full)
        // What fsync does elsewhere takes these on macOS; other systems ignore them.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        .pragma("journal_size_limit", LOG_BYTES.to_string())
        // A trigger may abort a statement, so SQLite keeps what undoes it: in memory, not in a file for each statement.
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", format!("-{}", CACHE_BYTES / 1024))
        // In pages: under load, a commit in so many also moves the write-ahead log into the file.
        .pragma("wal_autocheckpoint", "4000");
    match settings.max_bytes {
        Some(bytes) => options.pragma(
            "max_page_count",
            (bytes / u64::from(settings.page_size)).max(1).to_string(),
        ),
        None => options,
    }
}

/// A connection that reads. Not opened read-only: SQLite could then neither recover nor remove a write-ahead log.
pub(crate) fn reader(database: SqliteConnectOptions, settings: &Settings) -> SqliteConnectOptions {
    common(database, settings)
        .create_if_missing(false)
        .pragma("query_only", "ON")
}

fn common(database: SqliteConnectOptions, settings: &Settings) -> SqliteConnectOptions {
    database
        .busy_timeout(settings.limits.busy())
        .row_buffer_size(ROWS_AHEAD)
        .thread_name(|id| format!("event-store-{id}"))
        // A writer that waits for a lock takes longer than what the driver warns about; the store traces what matters.
        .disable_statement_logging()
}

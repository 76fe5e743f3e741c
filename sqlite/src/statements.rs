//! Every statement of the store: one file each in `sql/`, with its promise and its index in the header.

use std::sync::LazyLock;

pub(crate) const ROLLBACK: &str = include_str!("../sql/rollback.sql");
pub(crate) const APPEND_ONE: &str = include_str!("../sql/append_one.sql");
pub(crate) const STORED_EVENTS: &str = include_str!("../sql/stored_events.sql");
pub(crate) const READ_FORWARD: &str = include_str!("../sql/read_forward.sql");
pub(crate) const READ_BACKWARD: &str = include_str!("../sql/read_backward.sql");
pub(crate) const LOAD_COMMAND: &str = include_str!("../sql/load_command.sql");
pub(crate) const LOG_END: &str = include_str!("../sql/log_end.sql");
pub(crate) const SAVE_SNAPSHOT: &str = include_str!("../sql/save_snapshot.sql");
pub(crate) const LOAD_SNAPSHOT: &str = include_str!("../sql/load_snapshot.sql");
pub(crate) const DELETE_SNAPSHOT: &str = include_str!("../sql/delete_snapshot.sql");
pub(crate) const SAVE_SNAPSHOT_PART: &str = include_str!("../sql/save_snapshot_part.sql");
pub(crate) const FINISH_SNAPSHOT: &str = include_str!("../sql/finish_snapshot.sql");
pub(crate) const DELETE_SNAPSHOT_PART: &str = include_str!("../sql/delete_snapshot_part.sql");
pub(crate) const BACKUP: &str = include_str!("../sql/backup.sql");
pub(crate) const WAL_FRAMES: &str = include_str!("../sql/wal_frames.sql");
pub(crate) const PAGE_SIZE: &str = include_str!("../sql/page_size.sql");
pub(crate) const JOURNAL_MODE_WAL: &str = include_str!("../sql/journal_mode_wal.sql");
pub(crate) const CHECKPOINT: &str = include_str!("../sql/checkpoint.sql");
pub(crate) const TABLES: &str = include_str!("../sql/tables.sql");
pub(crate) const SCHEMA_VERSION: &str = include_str!("../sql/schema_version.sql");
pub(crate) const RECORD_MIGRATION: &str = include_str!("../sql/record_migration.sql");
pub(crate) const BEGIN: &str = include_str!("../sql/begin.sql");
pub(crate) const COMMIT: &str = include_str!("../sql/commit.sql");

/// The lock, and a lookup of everything that resolving a group needs, in one trip to the connection's thread.
pub(crate) const BEGIN_WITH_FACTS: &str = concat!(
    include_str!("../sql/begin.sql"),
    include_str!("../sql/log_end.sql"),
    include_str!("../sql/stream_heads.sql"),
    include_str!("../sql/stored_ids.sql"),
    include_str!("../sql/stored_commands.sql"),
);

/// The end of the log, and then a page of it: the page may be newer than the end, never older.
pub(crate) const READ_LOG: &str = concat!(include_str!("../sql/log_end.sql"), include_str!("../sql/read_log.sql"));

/// As [`READ_LOG`], with a filter.
pub(crate) const READ_LOG_FILTERED: &str = concat!(
    include_str!("../sql/log_end.sql"),
    include_str!("../sql/read_log_filtered.sql")
);

/// Pages that are one value each: of a stream, where ?4 is the size of the largest event, and of the log, where ?6 is.
pub(crate) struct Packed {
    pub(crate) forward: String,
    pub(crate) backward: String,
    pub(crate) log: String,
    pub(crate) log_filtered: String,
}

pub(crate) static PACKED: LazyLock<Packed> = LazyLock::new(|| {
    let of_log = |page| format!("{LOG_END}{}", packed(page, "stream_id", "?6"));
    Packed {
        forward: packed(READ_FORWARD, "NULL", "?4"),
        backward: packed(READ_BACKWARD, "NULL", "?4"),
        log: of_log(include_str!("../sql/read_log.sql")),
        log_filtered: of_log(include_str!("../sql/read_log_filtered.sql")),
    }
});

/// `stream_id` is NULL where it is known, and needs not be handed over.
fn packed(page: &str, stream_id: &str, largest: &str) -> String {
    // The same rows in the same order, but for what is said of each.
    let page = page
        .find("FROM events")
        .and_then(|start| page.get(start..))
        .unwrap_or(page);
    include_str!("../sql/packed.sql")
        .replace("{stream_id}", stream_id)
        .replace("{largest}", largest)
        .replace("{page}", page.trim_end().trim_end_matches(';'))
}

/// Parameters of an event in `insert.sql`.
pub(crate) const COLUMNS: usize = 11;

/// An INSERT that takes up to `rows` events: alone, with the COMMIT behind it, and as a whole transaction.
pub(crate) struct Insert {
    pub(crate) rows: usize,
    pub(crate) alone: String,
    pub(crate) committing: String,
    pub(crate) whole: String,
}

impl Insert {
    fn of(rows: usize) -> Self {
        let parameters = ["?"; COLUMNS].join(", ");
        let values = vec![format!("({parameters})"); rows].join(", ");
        let alone = include_str!("../sql/insert.sql").replace("{rows}", &values);
        let committing = format!("{alone}{COMMIT}");
        let whole = format!("{BEGIN}{committing}");
        Self {
            rows,
            alone,
            committing,
            whole,
        }
    }
}

/// Four sizes, so that a connection prepares four statements and no append binds eight times too many parameters.
/// The largest stays below SQLite's 32,766 parameters.
pub(crate) static INSERTS: LazyLock<[Insert; 4]> = LazyLock::new(|| [1, 8, 64, 512].map(Insert::of));

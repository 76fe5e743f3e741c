//! Every statement of the store: one file each in `sql/`, with its promise and its index in the header.

pub(crate) const APPEND_ONE: &str = include_str!("../sql/append_one.sql");
pub(crate) const APPEND_BATCH: &str = include_str!("../sql/append_batch.sql");
pub(crate) const FACTS: &str = include_str!("../sql/facts.sql");
pub(crate) const PLACES: &str = include_str!("../sql/places.sql");
pub(crate) const LOCK_STREAMS: &str = include_str!("../sql/lock_streams.sql");
pub(crate) const BEGIN: &str = include_str!("../sql/begin.sql");
pub(crate) const COMMIT: &str = include_str!("../sql/commit.sql");
pub(crate) const ROLLBACK: &str = include_str!("../sql/rollback.sql");
pub(crate) const READ_FORWARD: &str = include_str!("../sql/read_forward.sql");
pub(crate) const READ_BACKWARD: &str = include_str!("../sql/read_backward.sql");
pub(crate) const SAVE_SNAPSHOT: &str = include_str!("../sql/save_snapshot.sql");
pub(crate) const LOAD_SNAPSHOT: &str = include_str!("../sql/load_snapshot.sql");

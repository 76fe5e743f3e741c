//! Every statement of the store: one file each in `sql/`, with its promise and its index in the header.

pub(crate) const APPEND_ONE: &str = include_str!("../sql/append_one.sql");
pub(crate) const APPEND_BATCH: &str = include_str!("../sql/append_batch.sql");
pub(crate) const FACTS: &str = include_str!("../sql/facts.sql");
pub(crate) const PLACES: &str = include_str!("../sql/places.sql");
pub(crate) const LOCK_STREAMS: &str = include_str!("../sql/lock_streams.sql");
pub(crate) const ISOLATION: &str = include_str!("../sql/isolation.sql");
pub(crate) const ORDER_BROKEN: &str = include_str!("../sql/order_broken.sql");
pub(crate) const BEGIN: &str = include_str!("../sql/begin.sql");
pub(crate) const COMMIT: &str = include_str!("../sql/commit.sql");
pub(crate) const ROLLBACK: &str = include_str!("../sql/rollback.sql");
pub(crate) const READ_FORWARD: &str = include_str!("../sql/read_forward.sql");
pub(crate) const READ_BACKWARD: &str = include_str!("../sql/read_backward.sql");
pub(crate) const SAVE_SNAPSHOT: &str = include_str!("../sql/save_snapshot.sql");
pub(crate) const LOAD_SNAPSHOT: &str = include_str!("../sql/load_snapshot.sql");
pub(crate) const SERVER: &str = include_str!("../sql/server.sql");
pub(crate) const SCHEMA_VERSION: &str = include_str!("../sql/schema_version.sql");
pub(crate) const IDENTITY: &str = include_str!("../sql/identity.sql");
pub(crate) const ADOPT: &str = include_str!("../sql/adopt.sql");
pub(crate) const CREATE_SCHEMA: &str = include_str!("../sql/create_schema.sql");
pub(crate) const LEAVE_OUT_TYPE_INDEX: &str = include_str!("../sql/leave_out_type_index.sql");
pub(crate) const READ_LOG: &str = include_str!("../sql/read_log.sql");
pub(crate) const READ_LOG_FILTERED: &str = include_str!("../sql/read_log_filtered.sql");
pub(crate) const LOG_END: &str = include_str!("../sql/log_end.sql");
pub(crate) const BLOCKERS: &str = include_str!("../sql/blockers.sql");
pub(crate) const CHANNEL: &str = include_str!("../sql/channel.sql");
pub(crate) const NOTIFY: &str = include_str!("../sql/notify.sql");

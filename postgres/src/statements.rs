//! Every statement of the store: one file each in `sql/`, with its promise and its index in the header.

pub(crate) const READ_FORWARD: &str = include_str!("../sql/read_forward.sql");
pub(crate) const READ_BACKWARD: &str = include_str!("../sql/read_backward.sql");
pub(crate) const SAVE_SNAPSHOT: &str = include_str!("../sql/save_snapshot.sql");
pub(crate) const LOAD_SNAPSHOT: &str = include_str!("../sql/load_snapshot.sql");

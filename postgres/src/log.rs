//! Reading the whole log.

use std::sync::Arc;

use composable_rust_core::{LogPage, Position, ReadAll};
use tokio::sync::watch;

use crate::{connection::Connections, failure::Stopped, options::Settings};

pub(crate) async fn page(_connections: &Arc<Connections>, _read: ReadAll) -> Result<LogPage, sqlx::Error> {
    Err(Stopped::Closed.into())
}

pub(crate) async fn head(_connections: &Arc<Connections>) -> Result<Position, sqlx::Error> {
    Err(Stopped::Closed.into())
}

pub(crate) async fn wait(
    _connections: &Arc<Connections>,
    _committed: watch::Receiver<u64>,
    _after: Position,
    _settings: &Settings,
) -> Result<(), sqlx::Error> {
    Err(Stopped::Closed.into())
}

//! Opening a store.

use std::sync::Arc;

use sqlx::{PgPool, postgres::PgConnectOptions};

use crate::{OpenError, PostgresEventStore, connection::Connections, options::Settings, url};

pub(crate) async fn url(url: &str, settings: Settings) -> Result<PostgresEventStore, OpenError> {
    let options: PgConnectOptions = url::parse(url, &settings)?;
    let connections = Connections::own(options, settings.max_connections, settings.acquire_timeout);
    check(connections, settings).await
}

pub(crate) async fn pool(pool: PgPool, settings: Settings) -> Result<PostgresEventStore, OpenError> {
    check(Connections::of_pool(pool), settings).await
}

async fn check(connections: Arc<Connections>, settings: Settings) -> Result<PostgresEventStore, OpenError> {
    let mut lease = connections
        .lease()
        .await
        .map_err(|error| OpenError::Backend(Arc::new(error)))?;
    lease.finish(None);
    drop(lease);
    Ok(PostgresEventStore::new(connections, settings))
}

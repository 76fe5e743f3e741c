//! Addresses of stores.

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use crate::{OpenError, options::Settings};

pub(crate) fn parse(url: &str, settings: &Settings) -> Result<PgConnectOptions, OpenError> {
    let options: PgConnectOptions = url.parse().map_err(|error| OpenError::Backend(Arc::new(error)))?;
    let options = match settings.statement_cache {
        Some(statements) => options.statement_cache_capacity(statements),
        None => options,
    };
    Ok(options.options([("default_transaction_isolation", "read committed")]))
}

//! Addresses of stores.

use std::sync::Arc;

use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use crate::{OpenError, options::Settings};

/// Something that is no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("the address begins neither with postgres:// nor with postgresql://")]
    Scheme,
    #[error("the name of a schema must not be empty and must not hold control characters")]
    Schema,
}

impl From<Invalid> for OpenError {
    fn from(invalid: Invalid) -> Self {
        Self::InvalidUrl(Arc::new(invalid))
    }
}

/// How to open a connection to `url`. Anything that libpq's addresses know is understood, `?sslmode=` too.
pub(crate) fn parse(url: &str, settings: &Settings) -> Result<PgConnectOptions, OpenError> {
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(Invalid::Scheme.into());
    }
    let options: PgConnectOptions = url.parse().map_err(|error| OpenError::InvalidUrl(Arc::new(error)))?;
    // What is slow or fails is traced by the store, where it matters.
    let options = options.disable_statement_logging();
    let options = match settings.statement_cache {
        Some(statements) => options.statement_cache_capacity(statements),
        None => options,
    };
    if settings.transaction_pooler {
        return Ok(without_startup_options(options));
    }
    with_startup_options(options, settings.schema.as_deref())
}

/// A pooler refuses what it does not know when a session starts.
fn without_startup_options(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

fn with_startup_options(options: PgConnectOptions, schema: Option<&str>) -> Result<PgConnectOptions, OpenError> {
    // Whatever the database's default is: at any other level even appends to distinct streams fail each other. And
    // compiling a plan takes longer than any of ours runs.
    let options = options.options([("default_transaction_isolation", "read committed"), ("jit", "off")]);
    Ok(match schema {
        Some(schema) => options.options([("search_path", quoted(schema)?)]),
        None => options,
    })
}

pub(crate) fn quoted(schema: &str) -> Result<String, Invalid> {
    // White space but for the blank would end the setting when a session starts, and begin another one.
    if schema.is_empty() || schema.contains(char::is_control) {
        return Err(Invalid::Schema);
    }
    Ok(format!("\"{}\"", schema.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str, settings: &Settings) -> Result<PgConnectOptions, OpenError> {
        parse(url, settings)
    }

    #[test]
    fn both_schemes_are_understood_and_nothing_else_is() {
        let settings = Settings::default();
        for url in ["postgres://a@b/c", "postgresql://a@b/c?sslmode=disable"] {
            assert_eq!(parsed(url, &settings).unwrap().get_host(), "b");
        }
        for url in [
            "",
            "orders.db",
            "sqlite://x",
            "postgres:",
            "postgres://a@b:port/c",
            "postgres://a@b/c?sslmode=much",
        ] {
            assert!(
                matches!(parsed(url, &settings), Err(OpenError::InvalidUrl(_))),
                "{url:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_its_password() {
        let refused = parsed("postgres://a:secret@b:port/c", &Settings::default()).unwrap_err();
        let OpenError::InvalidUrl(source) = &refused else {
            panic!("{refused}")
        };
        assert!(!format!("{refused} {refused:?} {source} {source:?}").contains("secret"));
    }

    #[test]
    fn sessions_begin_at_read_committed_and_in_their_schema() {
        let settings = Settings {
            schema: Some("Own \"one\"".to_owned()),
            ..Settings::default()
        };
        let options = parsed(
            "postgres://a@b/c?options=-c%20default_transaction_isolation%3Dserializable",
            &settings,
        );
        let startup = options.unwrap().get_options().unwrap().to_owned();
        assert!(startup.ends_with(
            "-c default_transaction_isolation=read\\ committed -c jit=off -c search_path=\"Own\\ \"\"one\"\"\""
        ));
    }

    #[test]
    fn behind_a_pooler_nothing_is_set_when_a_session_starts() {
        let settings = Settings {
            transaction_pooler: true,
            ..Settings::default()
        };
        assert_eq!(parsed("postgres://a@b/c", &settings).unwrap().get_options(), None);
    }
}

//! Addresses of stores, and what a session begins with.

use std::{sync::Arc, time::Duration};

use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use crate::{PostgresOpenError, options::Settings};

/// What the server calls a store that has no name of its own.
const APPLICATION_NAME: &str = "composable-rust";

/// The longest name that PostgreSQL keeps whole, in bytes. It cuts off the rest of a longer one.
const MAX_NAME_BYTES: usize = 63;

/// The address begins with another scheme.
#[derive(Debug, thiserror::Error)]
#[error("it begins neither with postgres:// nor with postgresql://")]
struct UnknownScheme;

/// A name that no schema can have.
#[derive(Debug, thiserror::Error)]
enum SchemaNameError {
    #[error("the name of a schema must not be empty")]
    Empty,
    #[error("the name of a schema must not hold control characters")]
    ControlCharacter,
    #[error("the name of a schema has {bytes} bytes: at most {MAX_NAME_BYTES} are allowed")]
    TooLong { bytes: usize },
}

/// How to open a connection to `url`. Anything that libpq's addresses know is understood, `?sslmode=` too.
pub(crate) fn parse(url: &str, settings: &Settings) -> Result<PgConnectOptions, PostgresOpenError> {
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(PostgresOpenError::InvalidUrl(Arc::new(UnknownScheme)));
    }
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error| PostgresOpenError::InvalidUrl(Arc::new(error)))?;
    // What is slow or fails is traced by the store, where it matters.
    let options = with_name(with_host(options.disable_statement_logging()), settings);
    let options = match settings.statement_cache {
        Some(statements) => options.statement_cache_capacity(statements),
        None => options,
    };
    if settings.transaction_pooler {
        return Ok(without_startup_options(options));
    }
    with_startup_options(options, settings)
}

/// A URL has an IPv6 address in brackets, which no resolver understands.
fn with_host(options: PgConnectOptions) -> PgConnectOptions {
    let address = options.get_host().strip_prefix('[');
    match address.and_then(|address| address.strip_suffix(']')).map(str::to_owned) {
        Some(address) => options.host(&address),
        None => options,
    }
}

fn with_name(options: PgConnectOptions, settings: &Settings) -> PgConnectOptions {
    match (&settings.application_name, options.get_application_name()) {
        (Some(name), _) => options.application_name(name),
        (None, Some(_)) => options,
        (None, None) => options.application_name(APPLICATION_NAME),
    }
}

/// A pooler refuses what it does not know when a session starts.
fn without_startup_options(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

fn with_startup_options(options: PgConnectOptions, settings: &Settings) -> Result<PgConnectOptions, PostgresOpenError> {
    let options = options
        .options(SESSION)
        .options(server_limits(settings.statement_timeout));
    Ok(match &settings.schema {
        Some(schema) => options.options([("search_path", quoted(schema)?)]),
        None => options,
    })
}

/// What the store's statements rely on, whatever the defaults of the database and the role are.
///
/// - At any other isolation level even appends to distinct streams fail each other.
/// - Compiling a plan takes longer than any of ours runs.
/// - Planning a load of ten events takes as long as running it, and the plan is the same for all parameters. The server
///   plans anew each time where it takes that for cheaper, as it does for streams of very different lengths.
/// - A plan that was made for an empty table is kept while the table grows: without this setting it could walk through it.
const SESSION: [(&str, &str); 4] = [
    ("default_transaction_isolation", "read committed"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
];

/// The limits that the server keeps by itself, so that an append that its store has given up, or whose store has died, ends
/// and lets readers of the log pass.
///
/// - A statement gets nine tenths of the store's limit: the server's refusal, which says that nothing was written, then comes
///   before the store gives up, which could not say so.
/// - A transaction that waits for its next statement gets as long.
/// - A client that is gone without a word is noticed within about the same time: while its statement runs, by a look at the
///   connection each tenth of the limit; while it is idle, by keepalives; while it is sent an answer, by the answer's
///   not being taken.
fn server_limits(limit: Duration) -> [(&'static str, String); 7] {
    let milliseconds = |duration: Duration| duration.as_millis().clamp(1, MAX_MILLISECONDS).to_string();
    let seconds = |duration: Duration| duration.as_secs().clamp(1, MAX_SECONDS).to_string();
    [
        ("statement_timeout", milliseconds(limit * 9 / 10)),
        ("idle_in_transaction_session_timeout", milliseconds(limit * 9 / 10)),
        ("client_connection_check_interval", milliseconds(limit / 10)),
        ("tcp_user_timeout", milliseconds(limit)),
        ("tcp_keepalives_idle", seconds(limit / 2)),
        ("tcp_keepalives_interval", seconds(limit / 10)),
        ("tcp_keepalives_count", "5".to_owned()),
    ]
}

/// What the server's settings hold: 32 bits, and for keepalives what the kernel takes.
const MAX_MILLISECONDS: u128 = i32::MAX as u128;
const MAX_SECONDS: u64 = 32_767;

/// That the schema of the options is the name that the server will use.
pub(crate) fn check_schema(settings: &Settings) -> Result<(), PostgresOpenError> {
    settings
        .schema
        .as_deref()
        .map_or(Ok(()), |schema| quoted(schema).map(drop))
}

/// The name of a schema as SQL has it.
pub(crate) fn quoted(schema: &str) -> Result<String, PostgresOpenError> {
    let refused = if schema.is_empty() {
        Some(SchemaNameError::Empty)
    } else if schema.contains(char::is_control) {
        // White space but for the blank would end the setting when a session starts, and begin another one.
        Some(SchemaNameError::ControlCharacter)
    } else {
        let bytes = schema.len();
        (bytes > MAX_NAME_BYTES).then_some(SchemaNameError::TooLong { bytes })
    };
    match refused {
        Some(error) => Err(PostgresOpenError::InvalidSchema(Arc::new(error))),
        None => Ok(format!("\"{}\"", schema.replace('"', "\"\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemes_are_understood_and_nothing_else_is() {
        let settings = Settings::default();
        for url in ["postgres://a@b/c", "postgresql://a@b/c?sslmode=disable"] {
            assert_eq!(parse(url, &settings).unwrap().get_host(), "b");
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
                matches!(parse(url, &settings), Err(PostgresOpenError::InvalidUrl(_))),
                "{url:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_its_password() {
        let refused = parse("postgres://a:secret@b:port/c", &Settings::default()).unwrap_err();
        let PostgresOpenError::InvalidUrl(source) = &refused else {
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
        let options = parse(
            "postgres://a@b/c?options=-c%20default_transaction_isolation%3Dserializable",
            &settings,
        );
        let startup = options.unwrap().get_options().unwrap().to_owned();
        assert!(startup.contains(" -c default_transaction_isolation=read\\ committed -c jit=off "));
        assert!(startup.ends_with(" -c search_path=\"Own\\ \"\"one\"\"\""));
    }

    #[test]
    fn a_session_has_the_servers_own_limits() {
        let settings = Settings {
            statement_timeout: Duration::from_secs(10),
            ..Settings::default()
        };
        let options = parse("postgres://a@b/c?options=-c%20statement_timeout%3D0", &settings).unwrap();
        let startup = options.get_options().unwrap();
        assert!(startup.ends_with(
            " -c statement_timeout=9000 -c idle_in_transaction_session_timeout=9000 \
             -c client_connection_check_interval=1000 -c tcp_user_timeout=10000 -c tcp_keepalives_idle=5 \
             -c tcp_keepalives_interval=1 -c tcp_keepalives_count=5"
        ));
    }

    #[test]
    fn an_ipv6_address_is_resolved_without_its_brackets() {
        let options = parse("postgres://a@[::1]:5433/c", &Settings::default()).unwrap();
        assert_eq!((options.get_host(), options.get_port()), ("::1", 5433));
    }

    #[test]
    fn a_session_has_the_name_of_the_options_or_of_the_url_or_ours() {
        let name = |url, given: Option<&str>| {
            let settings = Settings {
                application_name: given.map(str::to_owned),
                ..Settings::default()
            };
            parse(url, &settings).unwrap().get_application_name().map(str::to_owned)
        };
        let (plain, named) = ("postgres://a@b/c", "postgres://a@b/c?application_name=shop");
        assert_eq!(name(plain, None).as_deref(), Some("composable-rust"));
        assert_eq!(name(named, None).as_deref(), Some("shop"));
        assert_eq!(name(named, Some("billing")).as_deref(), Some("billing"));
    }

    #[test]
    fn a_name_that_the_server_would_cut_off_is_refused() {
        assert!(quoted(&"a".repeat(63)).is_ok());
        let refused = quoted(&"ü".repeat(32)).unwrap_err();
        assert!(matches!(refused, PostgresOpenError::InvalidSchema(_)), "{refused}");
    }

    #[test]
    fn behind_a_pooler_nothing_is_set_when_a_session_starts() {
        let settings = Settings {
            transaction_pooler: true,
            ..Settings::default()
        };
        assert_eq!(parse("postgres://a@b/c", &settings).unwrap().get_options(), None);
    }
}

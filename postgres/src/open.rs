//! Opening a store: everything that its promises rest on is looked at before the first call.

use std::sync::Arc;

use composable_rust_core::SharedError;
use sqlx::{PgConnection, PgPool, error::DatabaseError, postgres::PgConnectOptions};

use crate::{
    OpenError, PostgresEventStore,
    address::{Address, Unparsed},
    connection::Connections,
    errors::ErrorClass,
    identity,
    log_target::{LogTarget, Session},
    migrate,
    options::Settings,
    server::Server,
    url,
};

/// Whether the store was built to speak TLS. An application may have made the driver do so by itself.
const HAS_TLS: bool = cfg!(any(
    feature = "tls-rustls-native-roots",
    feature = "tls-rustls-webpki",
    feature = "tls-native"
));

pub(crate) async fn url(url: &str, mut settings: Settings) -> Result<PostgresEventStore, OpenError> {
    let options = url::parse(url, &settings)?;
    settings.listen = listen(&options, &settings)?;
    let connections = own(options, &settings);
    let log = open(&connections, &settings).await?;
    Ok(PostgresEventStore::new(connections, &settings, log))
}

pub(crate) async fn pool(pool: PgPool, mut settings: Settings) -> Result<PostgresEventStore, OpenError> {
    settings.listen = listen(&pool.connect_options(), &settings)?;
    let connections = Connections::of_pool(pool);
    let log = open(&connections, &settings).await?;
    Ok(PostgresEventStore::new(connections, &settings, log))
}

/// Brings the schema of the database up to date.
pub(crate) async fn migrate(url: &str, settings: &Settings) -> Result<(), OpenError> {
    let connections = own(url::parse(url, settings)?, settings);
    let migrated = with_connection(&connections, async |connection| {
        Server::read(connection).await?.check(settings)?;
        migrate::run(connection, settings).await?;
        Ok(Server::read(connection).await?.check_schema(settings)?)
    });
    migrated.await?;
    connections.close().await;
    Ok(())
}

/// Takes over a log that another cluster has written.
pub(crate) async fn adopt(url: &str, settings: &Settings) -> Result<(), OpenError> {
    let connections = own(url::parse(url, settings)?, settings);
    let adopted = with_connection(&connections, async |connection| {
        Server::read(connection).await?.check(settings)?;
        migrate::check(connection, settings).await?;
        identity::adopt(connection).await
    });
    adopted.await?;
    connections.close().await;
    Ok(())
}

fn own(options: PgConnectOptions, settings: &Settings) -> Arc<Connections> {
    Connections::own(options, settings.max_connections, settings.acquire_timeout)
}

/// Where to be told of events, if at all: not through a pooler, which would give the session to somebody else.
fn listen(options: &PgConnectOptions, settings: &Settings) -> Result<Option<Address>, OpenError> {
    match &settings.listen_url {
        _ if !settings.notifications => Ok(None),
        Some(Unparsed(direct)) => {
            let settings = Settings {
                transaction_pooler: false,
                ..settings.clone()
            };
            url::parse(direct, &settings).map(|options| Some(options.into()))
        }
        None if settings.transaction_pooler => Ok(None),
        None => Ok(Some(options.clone().into())),
    }
}

async fn open(connections: &Arc<Connections>, settings: &Settings) -> Result<LogTarget, OpenError> {
    let opened = with_connection(connections, async |connection| {
        Server::read(connection).await?.check(settings)?;
        if settings.migrate_on_connect {
            migrate::run(connection, settings).await?;
        }
        Server::read(connection).await?.check_schema(settings)?;
        migrate::check(connection, settings).await?;
        identity::check(connection).await?;
        Ok(Session::read(connection).await?.log)
    });
    let log = opened.await?;
    connections.guard();
    Ok(log)
}

/// Works with a connection, which is kept for the next caller if all went well.
async fn with_connection<T>(
    connections: &Arc<Connections>,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Failed>,
) -> Result<T, OpenError> {
    let work = async {
        let mut lease = connections.lease().await?;
        let done = work(lease.connection()?).await?;
        lease.finish(None);
        Ok::<_, Failed>(done)
    };
    work.await.map_err(Failed::into_open_error)
}

/// Why opening failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Refused(#[from] OpenError),
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
}

impl Failed {
    /// For a store that is open already.
    pub(crate) fn into_driver_error(self) -> sqlx::Error {
        match self {
            Self::Refused(error) => sqlx::Error::Configuration(Box::new(error)),
            Self::Driver(error) => error,
        }
    }

    pub(crate) fn into_open_error(self) -> OpenError {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Driver(error) => error,
        };
        let by_code = cause(&error)
            .as_database_error()
            .and_then(DatabaseError::code)
            .and_then(|code| of_code(&code));
        let is_tls = matches!(cause(&error), sqlx::Error::Tls(_));
        let of = match ErrorClass::of(&error) {
            _ if by_code.is_some() => by_code.unwrap_or(OpenError::Backend),
            _ if is_tls && HAS_TLS => OpenError::Tls,
            _ if is_tls => OpenError::TlsNotBuiltIn,
            ErrorClass::Other => OpenError::Backend,
            _ => OpenError::Unreachable,
        };
        of(Arc::new(error))
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_code(code: &str) -> Option<fn(SharedError) -> OpenError> {
    match code {
        "28P01" | "28000" => Some(OpenError::Refused),
        "3D000" => Some(OpenError::MissingDatabase),
        "42501" => Some(OpenError::PermissionDenied),
        "25006" => Some(OpenError::ReadOnly),
        // A column that is missing, or of another type; a table that is a view.
        "42703" | "42804" | "42809" => Some(OpenError::TableTaken),
        _ => None,
    }
}

/// What the driver said first: a failure to connect is wrapped, so that nobody takes it for an answer.
fn cause(error: &sqlx::Error) -> &sqlx::Error {
    match error {
        sqlx::Error::Io(wrapper) => wrapper
            .get_ref()
            .and_then(|inner| inner.downcast_ref())
            .unwrap_or(error),
        _ => error,
    }
}

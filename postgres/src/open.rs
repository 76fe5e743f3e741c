//! Opening a store: everything that its promises rest on is looked at before the first call.

use std::sync::Arc;

use composable_rust_core::SharedError;
use futures::future::BoxFuture;
use sqlx::{PgConnection, PgPool, error::DatabaseError, postgres::PgConnectOptions};
use tokio::runtime::Handle;

use crate::{
    PostgresEventStore, PostgresOpenError,
    address::{Address, Unparsed},
    errors::{self, ErrorClass, TimeLimit},
    log_origin,
    log_target::{LogTarget, Session},
    migrate,
    options::Settings,
    pool::Pool,
    server_settings::ServerSettings,
    url,
};

/// Whether the store was built to speak TLS. An application may have made the driver do so by itself.
const HAS_TLS: bool = cfg!(any(
    feature = "tls-rustls-native-roots",
    feature = "tls-rustls-webpki",
    feature = "tls-native"
));

pub(crate) async fn url(url: &str, mut settings: Settings) -> Result<PostgresEventStore, PostgresOpenError> {
    let options = url::parse(url, &settings)?;
    settings.listen = listen(&options, &settings)?;
    let pool = own(options, &settings)?;
    open(pool, settings).await
}

pub(crate) async fn pool(pool: PgPool, mut settings: Settings) -> Result<PostgresEventStore, PostgresOpenError> {
    settings.listen = listen(&pool.connect_options(), &settings)?;
    let pool = Pool::of_application(pool, settings.limits(), handle(&settings)?);
    open(pool, settings).await
}

/// Brings the schema of the database up to date.
pub(crate) async fn migrate(url: &str, settings: Settings) -> Result<(), PostgresOpenError> {
    let pool = own(url::parse(url, &settings)?, &settings)?;
    url::check_schema(&settings)?;
    let migrating = with_connection(&pool, move |connection| {
        Box::pin(async move {
            ServerSettings::read(connection).await?.check(&settings)?;
            migrate::run(connection, &settings).await?;
            Ok(ServerSettings::read(connection).await?.check_schema(&settings)?)
        })
    });
    migrating.await?;
    close(&pool).await
}

/// Takes over a log that another cluster has written.
pub(crate) async fn adopt(url: &str, settings: Settings) -> Result<(), PostgresOpenError> {
    let pool = own(url::parse(url, &settings)?, &settings)?;
    url::check_schema(&settings)?;
    let adopting = with_connection(&pool, move |connection| {
        Box::pin(async move {
            ServerSettings::read(connection).await?.check(&settings)?;
            migrate::check(connection, &settings).await?;
            log_origin::adopt(connection).await
        })
    });
    adopting.await?;
    close(&pool).await
}

fn own(options: PgConnectOptions, settings: &Settings) -> Result<Arc<Pool>, PostgresOpenError> {
    let (max, limits) = (settings.max_connections, settings.limits());
    Ok(Pool::own(options, max, limits, handle(settings)?))
}

fn handle(settings: &Settings) -> Result<Handle, PostgresOpenError> {
    let given = settings.handle.clone();
    given
        .or_else(|| Handle::try_current().ok())
        .ok_or(PostgresOpenError::NoRuntime)
}

/// Where to be told of events, if at all: not through a pooler, which would give the session to another client.
fn listen(options: &PgConnectOptions, settings: &Settings) -> Result<Option<Address>, PostgresOpenError> {
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

async fn open(pool: Arc<Pool>, settings: Settings) -> Result<PostgresEventStore, PostgresOpenError> {
    url::check_schema(&settings)?;
    let asked = settings.clone();
    let opening = with_connection(&pool, move |connection| {
        Box::pin(async move {
            ServerSettings::read(connection).await?.check(&asked)?;
            if asked.migrate_on_connect {
                migrate::run(connection, &asked).await?;
            }
            ServerSettings::read(connection).await?.check_schema(&asked)?;
            migrate::check(connection, &asked).await?;
            log_origin::check(connection).await?;
            Ok::<LogTarget, OpenFailure>(Session::read(connection).await?.log)
        })
    });
    let log = opening.await?;
    pool.check_origin_on_connect();
    Ok(PostgresEventStore::new(pool, &settings, log))
}

/// Works with a connection in a task of the store's runtime, within the limits of a call. The connection is kept for the
/// next caller if all went well.
async fn with_connection<T, W>(pool: &Arc<Pool>, work: W) -> Result<T, PostgresOpenError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, OpenFailure>> + Send + 'static,
    T: Send + 'static,
{
    let task = Arc::clone(pool);
    let task = pool.handle().spawn(async move {
        let deadline = task.deadline();
        let mut connection = task.acquire(deadline).await?;
        let work = async {
            let done = work(connection.connection()?).await?;
            connection.finish(None);
            Ok::<_, OpenFailure>(done)
        };
        let worked = deadline.within(task.limits().statement).run(work).await;
        worked.unwrap_or_else(|_| Err(OpenFailure::Driver(TimeLimit::Statement.into())))
    });
    match pool.join(task).await {
        Ok(outcome) => outcome.map_err(OpenFailure::into_open_error),
        Err(error) if ErrorClass::of(&error) == ErrorClass::Stopped => Err(PostgresOpenError::NoRuntime),
        Err(error) => Err(OpenFailure::Driver(error).into_open_error()),
    }
}

async fn close(pool: &Arc<Pool>) -> Result<(), PostgresOpenError> {
    let task = Arc::clone(pool);
    let closing = pool.handle().spawn(async move { task.close(task.deadline()).await });
    pool.join(closing).await.map_err(|_| PostgresOpenError::NoRuntime)
}

/// Why opening failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFailure {
    #[error(transparent)]
    Refused(#[from] PostgresOpenError),
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
}

impl OpenFailure {
    /// For a store that is open already.
    pub(crate) fn into_driver_error(self) -> sqlx::Error {
        match self {
            Self::Refused(error) => sqlx::Error::Configuration(Box::new(error)),
            Self::Driver(error) => error,
        }
    }

    pub(crate) fn into_open_error(self) -> PostgresOpenError {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Driver(error) => error,
        };
        let cause = errors::connect_failure(&error).unwrap_or(&error);
        let by_code = cause
            .as_database_error()
            .and_then(DatabaseError::code)
            .and_then(|code| of_code(&code));
        let is_tls = matches!(cause, sqlx::Error::Tls(_));
        let of = match ErrorClass::of(&error) {
            _ if by_code.is_some() => by_code.unwrap_or(PostgresOpenError::Backend),
            _ if is_tls && HAS_TLS => PostgresOpenError::Tls,
            _ if is_tls => PostgresOpenError::TlsNotBuiltIn,
            ErrorClass::Other | ErrorClass::StalePlan => PostgresOpenError::Backend,
            _ => PostgresOpenError::Unreachable,
        };
        of(errors::source(error))
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_code(code: &str) -> Option<fn(SharedError) -> PostgresOpenError> {
    match code {
        "28P01" | "28000" => Some(PostgresOpenError::Refused),
        "3D000" => Some(PostgresOpenError::MissingDatabase),
        "42501" => Some(PostgresOpenError::PermissionDenied),
        "25006" => Some(PostgresOpenError::ReadOnly),
        // A column that is missing, or of another type; a table that is a view.
        "42703" | "42804" | "42809" => Some(PostgresOpenError::TableTaken),
        _ => None,
    }
}

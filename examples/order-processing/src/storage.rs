//! Which store, and opening it.

use std::{fmt, str::FromStr, sync::Arc};

use composable_rust::{EventLog, PostgresEventStore, SqliteEventStore, SystemClock, testing::InMemoryEventStore};

use crate::Failure;

/// The address of a store.
///
/// ```
/// use order_processing::StoreUrl;
///
/// assert_eq!(StoreUrl::default().to_string(), "sqlite://orders.db");
/// assert!("memory://".parse::<StoreUrl>().is_ok());
///
/// let server: StoreUrl = "postgres://clerk:secret@localhost/orders".parse()?;
/// assert_eq!(server.to_string(), "postgres://localhost/orders");
/// # Ok::<(), order_processing::Failure>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// A SQLite file.
    Sqlite(String),
    /// A database on a PostgreSQL server.
    Postgres(String),
    /// Nothing that outlives the process.
    Memory,
}

impl StoreUrl {
    /// The file that is used if none is named, in the current directory.
    pub(crate) const DEFAULT_FILE: &'static str = "orders.db";
}

/// The file `orders.db` in the current directory.
impl Default for StoreUrl {
    fn default() -> Self {
        Self::Sqlite(format!("sqlite://{}", Self::DEFAULT_FILE))
    }
}

impl FromStr for StoreUrl {
    type Err = Failure;

    fn from_str(url: &str) -> Result<Self, Failure> {
        match url.split_once(':') {
            _ if url == "memory://" => Ok(Self::Memory),
            Some(("sqlite", path)) if is_memory(path) => Err(Failure::Input(
                "SQLite in memory forgets all when it is closed; use memory:// or sqlite://path".to_owned(),
            )),
            Some(("sqlite", _)) => Ok(Self::Sqlite(url.to_owned())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(url.to_owned())),
            // Not the address itself: it may hold a password.
            _ => Err(Failure::Input(
                "the address of a store is sqlite://path, postgres://user@host/database or memory://".to_owned(),
            )),
        }
    }
}

/// Whether SQLite would keep it in memory. Each opening of that is a store of its own, so that nothing can be found
/// again: the demo, for one, could not start over.
fn is_memory(path: &str) -> bool {
    let path = path.strip_prefix("//").unwrap_or(path);
    path == ":memory:" || path.starts_with(":memory:?")
}

/// Without what may be secret: the user, the password and the parameters.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(url) => f.write_str(url),
            Self::Postgres(url) => {
                let (_, rest) = url.split_once("//").unwrap_or_default();
                let place = rest.split_once('?').map_or(rest, |(place, _)| place);
                let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
                write!(f, "postgres://{place}")
            }
            Self::Memory => f.write_str("memory://"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An open store.
#[derive(Clone)]
#[non_exhaustive]
pub enum Storage {
    /// In a file.
    Sqlite(SqliteEventStore),
    /// On a server.
    Postgres(PostgresEventStore),
    /// In this process.
    Memory(InMemoryEventStore),
}

impl Storage {
    /// Opens the store at `url`; a database is migrated.
    ///
    /// # Errors
    /// [`Failure::Input`] for an address that can't be one; [`Failure::Store`] if it can't be opened.
    pub async fn open(url: &StoreUrl) -> Result<Self, Failure> {
        match url {
            StoreUrl::Sqlite(url) => Ok(Self::Sqlite(SqliteEventStore::connect(url).await?)),
            StoreUrl::Postgres(url) => {
                let options = PostgresEventStore::options().migrate_on_connect(true);
                Ok(Self::Postgres(options.connect(url).await?))
            }
            StoreUrl::Memory => Ok(Self::Memory(InMemoryEventStore::with_clock(Arc::new(SystemClock)))),
        }
    }

    /// Opens the store at `url` for reading: a SQLite file is neither created nor changed.
    ///
    /// # Errors
    /// As [`Storage::open`]; [`Failure::Store`] if there is no such file.
    pub async fn open_to_read(url: &StoreUrl) -> Result<Self, Failure> {
        match url {
            StoreUrl::Sqlite(url) => {
                let options = SqliteEventStore::options().read_only(true);
                Ok(Self::Sqlite(options.connect(url).await?))
            }
            other => Self::open(other).await,
        }
    }

    /// The store.
    #[must_use]
    pub fn log(&self) -> Arc<dyn EventLog> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::new(store.clone()),
        }
    }

    /// Finishes what is under way and closes the store. Without it nothing is lost either.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
            Self::Memory(_) => {}
        }
    }

    /// The same events from a store that was opened anew: all that memory can do is to keep them.
    ///
    /// # Errors
    /// As [`Storage::open`].
    pub async fn reopen(self, url: &StoreUrl) -> Result<Self, Failure> {
        if let Self::Memory(_) = self {
            return Ok(self);
        }
        self.close().await;
        Self::open(url).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_not_understood_is_not_repeated() {
        for url in ["", "orders.db", "mysql://user:secret@host", "memory"] {
            let error = url.parse::<StoreUrl>().unwrap_err();
            assert!(matches!(error, Failure::Input(_)), "{url}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn the_address_of_a_server_is_shown_without_its_secrets() {
        for url in [
            "postgres://user:secret@host/db",
            "postgresql://user:sec@ret@host/db?password=secret",
            "postgres://host/db?password=secret",
        ] {
            let url: StoreUrl = url.parse().unwrap();
            assert_eq!(format!("{url} {url:?}"), "postgres://host/db postgres://host/db");
        }
    }
}

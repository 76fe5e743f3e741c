//! Which store, and opening it.

use std::{fmt, str::FromStr, sync::Arc};

use composable_rust::{EventLog, SqliteEventStore, SystemClock, testing::InMemoryEventStore};

use crate::Failure;

/// The address of a store.
///
/// ```
/// use order_processing::StoreUrl;
///
/// assert_eq!(StoreUrl::default().to_string(), "sqlite://orders.db");
/// assert!("memory://".parse::<StoreUrl>().is_ok());
/// assert!("postgres://localhost/orders".parse::<StoreUrl>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// A SQLite file.
    Sqlite(String),
    /// Nothing that outlives the process.
    Memory,
}

/// The file `orders.db` in the current directory.
impl Default for StoreUrl {
    fn default() -> Self {
        Self::Sqlite("sqlite://orders.db".to_owned())
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
            Some((scheme @ ("postgres" | "postgresql"), _)) => Err(Failure::Input(format!(
                "{scheme}:// is not supported yet; use sqlite://path or memory://"
            ))),
            // Not the address itself: it may hold a password.
            _ => Err(Failure::Input(
                "the address of a store is sqlite://path or memory://".to_owned(),
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

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(url) => url,
            Self::Memory => "memory://",
        })
    }
}

/// An open store.
#[derive(Clone)]
#[non_exhaustive]
pub enum Storage {
    /// In a file.
    Sqlite(SqliteEventStore),
    /// In this process.
    Memory(InMemoryEventStore),
}

impl Storage {
    /// Opens the store at `url`.
    ///
    /// # Errors
    /// [`Failure::Input`] for an address that can't be one; [`Failure::Store`] if it can't be opened.
    pub async fn open(url: &StoreUrl) -> Result<Self, Failure> {
        match url {
            StoreUrl::Sqlite(url) => Ok(Self::Sqlite(SqliteEventStore::connect(url).await?)),
            StoreUrl::Memory => Ok(Self::Memory(InMemoryEventStore::with_clock(Arc::new(SystemClock)))),
        }
    }

    /// The store.
    #[must_use]
    pub fn log(&self) -> Arc<dyn EventLog> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::new(store.clone()),
        }
    }

    /// Finishes what is under way and closes the file. Without it nothing is lost either.
    pub async fn close(&self) {
        if let Self::Sqlite(store) = self {
            store.close().await;
        }
    }

    /// The same events from a store that was opened anew: all that memory can do is to keep them.
    ///
    /// # Errors
    /// As [`Storage::open`].
    pub async fn reopen(self, url: &StoreUrl) -> Result<Self, Failure> {
        match self {
            Self::Sqlite(store) => {
                store.close().await;
                Self::open(url).await
            }
            Self::Memory(_) => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_not_understood_is_not_repeated() {
        for url in [
            "",
            "orders.db",
            "mysql://user:secret@host",
            "memory",
            "postgres://user:secret@host/db",
        ] {
            let error = url.parse::<StoreUrl>().unwrap_err();
            assert!(matches!(error, Failure::Input(_)), "{url}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}

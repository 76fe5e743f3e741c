//! Every store, and how often each is asked.

use std::{
    fmt::Debug,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use composable_rust::{EventStore, PostgresEventStore, SqliteEventStore, testing::InMemoryEventStore};
use composable_rust_postgres_fixture::TestDatabase;
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestRunner},
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Says a property, a function of a [`Subject`], of every store.
macro_rules! of_every_store {
    ($($property:ident)*) => {$(
        mod $property {
            use crate::stores::Subject;

            #[test]
            fn in_memory() {
                super::$property(&Subject::in_memory());
            }

            #[test]
            fn on_sqlite_in_memory() {
                super::$property(&Subject::sqlite_in_memory());
            }

            #[test]
            fn on_a_sqlite_file() {
                super::$property(&Subject::sqlite_file());
            }

            #[test]
            fn on_postgresql() {
                super::$property(&Subject::postgres());
            }
        }
    )*};
}
pub(crate) use of_every_store;

/// A store, and how many cases it is asked about.
pub(crate) struct Subject {
    runtime: Runtime,
    store: Arc<dyn EventStore>,
    cases: u32,
    streams: AtomicU32,
    /// Lives as long as the store.
    _home: Home,
}

enum Home {
    Nowhere,
    Folder { _folder: TempDir },
    Database { _database: TestDatabase },
}

impl Subject {
    pub(crate) fn in_memory() -> Self {
        Self::new(200, async || (InMemoryEventStore::new(), Home::Nowhere))
    }

    pub(crate) fn sqlite_in_memory() -> Self {
        Self::new(40, async || {
            (SqliteEventStore::in_memory().await.unwrap(), Home::Nowhere)
        })
    }

    pub(crate) fn sqlite_file() -> Self {
        Self::new(12, async || {
            let folder = tempfile::tempdir().unwrap();
            let store = SqliteEventStore::open(folder.path().join("events.db")).await.unwrap();
            (store, Home::Folder { _folder: folder })
        })
    }

    pub(crate) fn postgres() -> Self {
        Self::new(12, async || {
            let database = TestDatabase::empty().await;
            PostgresEventStore::migrate(database.url()).await.unwrap();
            let store = PostgresEventStore::connect(database.url()).await.unwrap();
            (store, Home::Database { _database: database })
        })
    }

    fn new<S: EventStore>(cases: u32, open: impl AsyncFnOnce() -> (S, Home)) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (store, home) = runtime.block_on(open());
        Self {
            runtime,
            store: Arc::new(store),
            cases,
            streams: AtomicU32::new(0),
            _home: home,
        }
    }

    /// The property holds for any input, each on a stream of its own, whose id it is given.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "closures are written where they are passed"
    )]
    pub(crate) fn satisfies<T: Debug>(
        &self,
        input: &impl Strategy<Value = T>,
        property: impl AsyncFn(Arc<dyn EventStore>, &str, T),
    ) {
        let mut config = Config {
            cases: self.cases,
            failure_persistence: None,
            ..Config::default()
        };
        let seed = match config.rng_seed {
            RngSeed::Fixed(seed) => seed,
            RngSeed::Random => RandomState::new().hash_one("seed"),
        };
        config.rng_seed = RngSeed::Fixed(seed);
        let checked = TestRunner::new(config).run(input, |input| {
            let id = self.streams.fetch_add(1, Ordering::Relaxed).to_string();
            self.runtime.block_on(property(Arc::clone(&self.store), &id, input));
            Ok(())
        });
        if let Err(failure) = checked {
            panic!("{failure}\nthe same inputs again: PROPTEST_RNG_SEED={seed}");
        }
    }
}

//! Who may do what: owners migrate, applications append and read, and nobody rewrites.

use composable_rust_core::{EventStore, Snapshot, SnapshotOutcome, Version};
use composable_rust_postgres::{PostgresEventStore, PostgresOpenError};
use composable_rust_postgres_fixture::TestDatabase;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use crate::support::{self, append, execute, ids};

/// A role for one test.
struct Role<'d> {
    database: &'d TestDatabase,
    name: String,
    url: String,
}

impl<'d> Role<'d> {
    async fn new(database: &'d TestDatabase, purpose: &str) -> Self {
        let name = format!("{}_{purpose}", database.name());
        execute(database, format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'")).await;
        let options: PgConnectOptions = database.url().parse().unwrap();
        let url = options.username(&name).password("secret").to_url_lossy().into();
        Self { database, name, url }
    }

    async fn grant(&self, rights: &str) {
        execute(self.database, rights.replace("{role}", &self.name)).await;
    }

    /// What the server answers to this role: an SQLSTATE, if it refuses.
    async fn refusal(&self, statement: &'static str) -> Option<String> {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let answer = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
        let error = answer.err()?;
        error.as_database_error()?.code().map(Into::into)
    }

    async fn remove(self) {
        let name = self.name;
        execute(self.database, format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}")).await;
    }
}

const OWNER: &str = "GRANT CREATE, USAGE ON SCHEMA public TO {role}";

const APPLICATION: &str = "
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT ON events, snapshots, event_log, event_store_migrations TO {role};
    GRANT INSERT (stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events)
       ON events TO {role};
    GRANT INSERT, UPDATE ON snapshots TO {role};
    GRANT USAGE ON SEQUENCE events_position TO {role};";

#[tokio::test]
async fn whoever_may_create_tables_can_migrate_without_being_superuser() {
    let database = TestDatabase::empty().await;
    let owner = Role::new(&database, "owner").await;
    owner.grant(OWNER).await;
    PostgresEventStore::migrate(&owner.url).await.unwrap();
    let store = PostgresEventStore::connect(&owner.url).await.unwrap();
    append(&store, 1, 0..3).await;
    assert_eq!(ids(&store, 1).await.len(), 3);
    for rewriting in [
        "UPDATE events SET encoding = 7",
        "DELETE FROM events",
        "TRUNCATE events",
    ] {
        assert_eq!(owner.refusal(rewriting).await.as_deref(), Some("23001"), "{rewriting}");
    }
    store.close().await;
    owner.remove().await;
}

#[tokio::test]
async fn an_application_appends_and_reads_and_can_not_rewrite_or_forge() {
    let database = support::database().await;
    let application = Role::new(&database, "app").await;
    application.grant(APPLICATION).await;
    let store = PostgresEventStore::connect(&application.url).await.unwrap();
    append(&store, 1, 0..1).await;
    append(&store, 1, 1..5).await;
    assert_eq!(ids(&store, 1).await.len(), 5);
    let snapshot = Snapshot {
        version: Version::from(5),
        schema: 1,
        data: vec![1],
    };
    let saved = store.save_snapshot(support::stream(1), snapshot).await.unwrap();
    assert_eq!(saved, SnapshotOutcome::Stored);
    for rewriting in [
        "UPDATE events SET encoding = 7",
        "DELETE FROM events",
        "TRUNCATE events",
        "SELECT 1 FROM events FOR UPDATE",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "UPDATE event_log SET generation = 7",
        "SELECT setval('events_position', 1)",
        "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, transaction_id) \
         VALUES ('test-2', 1, gen_random_uuid(), 'Forged.v1', 1, '', '3')",
    ] {
        assert_eq!(
            application.refusal(rewriting).await.as_deref(),
            Some("42501"),
            "{rewriting}"
        );
    }
    let adopted = PostgresEventStore::adopt(&application.url).await;
    assert!(adopted.is_ok(), "there is nothing to adopt");
    store.close().await;
    application.remove().await;
}

#[tokio::test]
async fn who_may_not_ask_which_cluster_it_is_moves_no_log_that_is_at_home() {
    let database = TestDatabase::empty().await;
    let owner = Role::new(&database, "owner").await;
    owner.grant(OWNER).await;
    PostgresEventStore::migrate(&owner.url).await.unwrap();
    owner
        .grant("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        .await;
    let store = PostgresEventStore::connect(&owner.url).await.unwrap();
    append(&store, 1, 0..1).await;
    assert_eq!(
        owner.refusal("SELECT pg_control_system()").await.as_deref(),
        Some("42501")
    );
    assert_eq!(owner.refusal("SELECT event_store_adopt()").await, None);
    let untouched = "SELECT generation = 1 AND system_identifier IS NOT NULL FROM event_log";
    assert!(support::scalar::<bool>(&database, untouched).await);
    store.close().await;
    owner.remove().await;
}

#[tokio::test]
async fn a_role_without_rights_is_told_so() {
    let database = support::database().await;
    let nobody = Role::new(&database, "nobody").await;
    let refused = PostgresEventStore::connect(&nobody.url).await;
    assert!(matches!(refused, Err(PostgresOpenError::PermissionDenied(_))));
    nobody.remove().await;
}

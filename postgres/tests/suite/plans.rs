//! Every statement of the store is prepared by a real server, and its plan for any parameters uses the index that its
//! header names.

use std::{collections::BTreeSet, fs, path::Path};

use composable_rust_postgres_fixture::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::support;

/// What the plan of a statement has to say, and whether it has to do without sorting. Those that are no queries have no
/// plan; those that name no index read no table of ours.
const PLANS: [(&str, &[&str], Order); 32] = [
    ("adopt", &[], Order::Any),
    ("append_batch", &["events_by_version"], Order::Sorted),
    ("append_one", &["events_by_version"], Order::Indexed),
    ("append_one_per_stream", &["events_by_version"], Order::Sorted),
    ("append_stream", &["events_by_version"], Order::Sorted),
    ("begin", &[], Order::Any),
    ("blocking_transactions", &["events_in_order"], Order::Any),
    ("commit", &[], Order::Any),
    ("create_schema", &[], Order::Any),
    ("delete_snapshot", &["snapshots_pkey"], Order::Indexed),
    ("find_order_violation", &["events_by_version"], Order::Indexed),
    ("high_water_mark", &["events_in_order"], Order::Indexed),
    (
        "last_event",
        &["Index Scan Backward using events_in_order"],
        Order::Indexed,
    ),
    ("leave_out_type_index", &[], Order::Any),
    (
        "load_command",
        &["events_by_command", "events_by_version"],
        Order::Indexed,
    ),
    ("load_snapshot", &["snapshots_pkey"], Order::Indexed),
    ("lock_streams", &[], Order::Sorted),
    ("log_origin", &["events_in_order"], Order::Indexed),
    (
        "lookup_append_state",
        &["events_by_version", "events_by_id", "events_by_command"],
        Order::Indexed,
    ),
    ("notify", &[], Order::Any),
    ("notify_channel", &[], Order::Any),
    ("ping", &[], Order::Any),
    (
        "read_backward",
        &["Index Scan Backward using events_by_version"],
        Order::Indexed,
    ),
    ("read_forward", &["events_by_version"], Order::Indexed),
    ("read_log", &["events_in_order"], Order::Indexed),
    ("read_log_filtered", &["events_in_order"], Order::Indexed),
    ("read_version_ranges", &["events_by_version"], Order::Indexed),
    ("rollback", &[], Order::Any),
    (
        "save_snapshot",
        &["events_by_version", "Conflict Arbiter Indexes: snapshots_pkey"],
        Order::Indexed,
    ),
    ("schema_version", &["event_store_migrations"], Order::Any),
    ("server_settings", &[], Order::Any),
    ("transaction_target", &[], Order::Any),
];

#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// The index has the rows in order.
    Indexed,
    /// Sorted before locks are taken.
    Sorted,
    Any,
}

/// Twenty thousand events in a thousand streams, some of commands, some snapshots.
const EVENTS: &str = "
    INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, command_id, command_events)
    SELECT 'test-' || stream, version, gen_random_uuid(), 'Happened.v1', 1, '',
           CASE WHEN version = 1 THEN gen_random_uuid() END, CASE WHEN version = 1 THEN 20 END
      FROM generate_series(1, 1000) AS stream, generate_series(1, 20) AS version;
    INSERT INTO snapshots (stream_id, version, schema, state_data)
    SELECT 'test-' || stream, 20, 1, '' FROM generate_series(1, 1000) AS stream;
    ANALYZE events; ANALYZE snapshots;";

async fn connection_to(database: &TestDatabase) -> PgConnection {
    support::execute(database, EVENTS).await;
    let mut connection = support::stranger(database).await;
    connection
        .execute("SET plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    connection
}

fn statement(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sql/{name}.sql"));
    fs::read_to_string(file).unwrap()
}

/// The plan for parameters that are not known yet; empty for what has no plan.
async fn plan(connection: &mut PgConnection, name: &str) -> String {
    let sql = statement(name);
    let first_line = sql.lines().find(|line| !line.starts_with("--")).unwrap();
    if !["SELECT", "INSERT", "DELETE", "WITH"]
        .iter()
        .any(|verb| first_line.starts_with(verb))
    {
        return String::new();
    }
    connection
        .execute(AssertSqlSafe(format!("PREPARE {name} AS {sql}")))
        .await
        .unwrap();
    let count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1";
    let count: i32 = sqlx::query_scalar(count)
        .bind(name)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let nulls = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
    let call = if count == 0 {
        String::new()
    } else {
        format!("({nulls})")
    };
    let explain = AssertSqlSafe(format!("EXPLAIN (VERBOSE false, COSTS false) EXECUTE {name}{call}"));
    let rows = connection.fetch_all(sqlx::raw_sql(explain)).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

/// Whether a step of the plan sorts, rather than to merge what is sorted.
fn sorts(plan: &str) -> bool {
    let steps = plan.lines().map(|line| line.trim_start_matches([' ', '-', '>']));
    steps
        .into_iter()
        .any(|step| step == "Sort" || step == "Incremental Sort")
}

#[test]
fn every_statement_is_listed_and_names_its_index() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let files: BTreeSet<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let listed: BTreeSet<_> = PLANS.iter().map(|(name, ..)| format!("{name}.sql")).collect();
    assert_eq!(files, listed);
    for (name, expected, _) in PLANS {
        let header: String = statement(name)
            .lines()
            .take_while(|line| line.starts_with("-- "))
            .collect();
        assert!(!header.is_empty(), "{name} has no header");
        for index in expected.iter().filter_map(|part| part.split(' ').next_back()) {
            assert!(header.contains(index), "the header of {name} does not name {index}");
        }
    }
}

#[tokio::test]
async fn every_statement_uses_its_index() {
    let database = support::database().await;
    let mut connection = connection_to(&database).await;
    for (name, expected, order) in PLANS {
        let plan = plan(&mut connection, name).await;
        for part in expected {
            assert!(plan.contains(part), "{name} does not use {part}:\n{plan}");
        }
        for table in ["events", "snapshots"] {
            assert!(
                !plan.contains(&format!("Seq Scan on {table}")),
                "{name} walks through {table}:\n{plan}"
            );
        }
        let sorts = sorts(&plan);
        let right = order == Order::Any || sorts == (order == Order::Sorted);
        assert!(
            right,
            "{name} sorts where it should not, or does not where it should:\n{plan}"
        );
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn over_partitions_no_statement_walks_through_them_and_the_log_is_merged() {
    let database = support::partitioned_database().await;
    let mut connection = connection_to(&database).await;
    for (name, _, order) in PLANS {
        let plan = plan(&mut connection, name).await;
        assert!(
            !plan.contains("Seq Scan on events"),
            "{name} walks through a partition:\n{plan}"
        );
        assert!(order != Order::Indexed || !sorts(&plan), "{name} sorts:\n{plan}");
        let is_log = name.starts_with("read_log");
        assert!(
            !is_log || plan.contains("Merge Append"),
            "{name} does not merge:\n{plan}"
        );
    }
    connection.close().await.unwrap();
}

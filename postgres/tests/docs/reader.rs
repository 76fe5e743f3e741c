//! Somebody who does what the guide says, line by line, on a fresh server.

use std::{fmt::Write, fs, time::Duration};

use composable_rust_postgres_fixture::{Server, wait_for};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, ValueRef,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::sync::OnceCell;

use crate::guide::{Block, Claim, Session, Statement, blocks, repository};

const PATIENCE: Duration = Duration::from_mins(1);

/// The rows of a statement, as text.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// The server of the guide, and the second one that it needs in the end.
pub(crate) struct Reader {
    pub(crate) server: Server,
    subscriber: OnceCell<Server>,
}

impl Reader {
    pub(crate) async fn new() -> Self {
        // What the guide names as needed for logical replication.
        let server = Server::start(&[("wal_level", "logical")]).await;
        check_out(&server).await;
        Self {
            server,
            subscriber: OnceCell::new(),
        }
    }

    /// Does what stands below these headings, and the schema and the roles before.
    pub(crate) async fn with(headings: &[&str]) -> Self {
        let reader = Self::new().await;
        let basics = ["A database and its roles", "Migrations", "What the application may do"];
        for heading in basics.iter().chain(headings) {
            let all = blocks();
            let below: Vec<_> = all.iter().filter(|block| block.heading == *heading).collect();
            assert!(!below.is_empty(), "the guide has no blocks below {heading:?}");
            for block in below {
                reader.follow(block).await;
            }
        }
        reader
    }

    /// Does what a block says, if it is for a machine; the answers of its statements.
    pub(crate) async fn follow(&self, block: &Block) -> Vec<Rows> {
        if block.is_sql() {
            return self.run(&block.session(), &block.statements()).await;
        }
        if block.is_runnable_shell() {
            self.shell(block).await;
        }
        Vec::new()
    }

    /// Runs statements in one session, and holds each to its claim.
    pub(crate) async fn run(&self, session: &Session, statements: &[Statement]) -> Vec<Rows> {
        let mut connection = self.connect(session).await;
        let mut answers = Vec::new();
        for statement in statements {
            answers.push(self.hold_to_claim(&mut connection, statement).await);
        }
        connection.close().await.unwrap();
        answers
    }

    async fn hold_to_claim(&self, connection: &mut PgConnection, statement: &Statement) -> Rows {
        let sql = self.with_real_addresses(&statement.sql).await;
        if let Claim::AnswersInTheEnd(expected) = &statement.claim {
            let holds = async || first(&rows(connection, &sql).await.unwrap()) == *expected;
            wait_for(holds, PATIENCE, &sql).await;
            return Rows::new();
        }
        let outcome = rows(connection, &sql).await;
        match (&statement.claim, outcome) {
            (Claim::Refused(code), Err(error)) => {
                let actual = error
                    .as_database_error()
                    .and_then(sqlx::error::DatabaseError::code)
                    .map(String::from);
                assert_eq!(
                    actual.as_deref(),
                    Some(code.as_str()),
                    "line {}: {sql}{error}",
                    statement.line
                );
                Rows::new()
            }
            (Claim::Refused(_), Ok(_)) => panic!("line {} is not refused: {sql}", statement.line),
            (_, Err(error)) => panic!("line {}: {sql}{error}", statement.line),
            (Claim::Answers(expected), Ok(rows)) => {
                assert_eq!(first(&rows), *expected, "line {}: {sql}", statement.line);
                rows
            }
            (_, Ok(rows)) => rows,
        }
    }

    /// Where one of the guide's roles connects to one of its databases.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        format!(
            "postgres://{role}:{}@{}/{database}",
            password(role),
            self.server.address()
        )
    }

    /// A session of a role in a database of the guide's server.
    pub(crate) async fn session(&self, role: &str, database: &str) -> PgConnection {
        let session = Session {
            role: role.to_owned(),
            database: database.to_owned(),
            on_subscriber: false,
        };
        self.connect(&session).await
    }

    /// A connection as the guide says; a database that is named for the first time is made.
    async fn connect(&self, session: &Session) -> PgConnection {
        let server = if session.on_subscriber {
            self.subscriber().await
        } else {
            &self.server
        };
        ensure_database(server, &session.database).await;
        let options: PgConnectOptions = server.url(&session.database).parse().unwrap();
        let options = match session.role.as_str() {
            "postgres" => options,
            role => options.username(role).password(&password(role)),
        };
        options.connect().await.unwrap()
    }

    async fn subscriber(&self) -> &Server {
        self.subscriber.get_or_init(|| self.server.another(&[])).await
    }

    async fn with_real_addresses(&self, sql: &str) -> String {
        let address = "db.example.com port=5432";
        if !sql.contains(address) {
            return sql.to_owned();
        }
        sql.replace(address, &format!("127.0.0.1 port={}", port(&self.server).await))
    }

    /// Runs a block of shell on the server's machine.
    async fn shell(&self, block: &Block) {
        let mut script = String::from("set -eu\ncd \"$DATA.guide\"\n");
        for (variable, role, database) in URLS.iter().filter(|(variable, ..)| block.text.contains(variable)) {
            let secret = password(role);
            writeln!(
                script,
                "export {variable}=\"postgres://{role}:{secret}@$PGHOST:$PGPORT/{database}\""
            )
            .unwrap();
            ensure_database(&self.server, database).await;
        }
        script.push_str("export ADMIN_URL=\"postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/orders\"\n");
        if block.text.contains("$SUBSCRIBER_URL") {
            let subscriber = self.subscriber().await;
            ensure_database(subscriber, "orders").await;
            let (url, port) = (subscriber.url("orders"), port(subscriber).await);
            let credentials = url.split('@').next().unwrap();
            writeln!(script, "export SUBSCRIBER_URL=\"{credentials}@$PGHOST:{port}/orders\"").unwrap();
        }
        script.push_str(&block.text);
        self.server.run(&script).await;
    }
}

/// What the guide's variables stand for.
const URLS: [(&str, &str, &str); 5] = [
    ("OWNER_URL", "orders_owner", "orders"),
    ("REPLICATION_URL", "orders_replication", "postgres"),
    ("NEW_URL", "orders_owner", "orders_restored"),
    ("PARTS_URL", "orders_owner", "orders_in_parts"),
    ("CATEGORIES_URL", "orders_owner", "orders_by_category"),
];

/// A folder on the server's machine that holds what the guide takes from a checkout.
async fn check_out(server: &Server) {
    let mut script = String::from("set -eu\nmkdir -p \"$DATA.guide\"\ncd \"$DATA.guide\"\n");
    for folder in ["migrations/postgres", "scripts"] {
        writeln!(script, "mkdir -p {folder}").unwrap();
        for entry in fs::read_dir(repository().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let (name, text) = (entry.file_name(), fs::read_to_string(entry.path()).unwrap());
            let name = format!("{folder}/{}", name.to_string_lossy());
            writeln!(
                script,
                "cat >{name} <<'END OF THE FILE'\n{text}\nEND OF THE FILE\nchmod +x {name}"
            )
            .unwrap();
        }
    }
    server.run(&script).await;
}

/// The server's own idea of its port: in a container it is another than the test's.
async fn port(server: &Server) -> String {
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    first(&rows(&mut connection, "SHOW port").await.unwrap())
}

async fn ensure_database(server: &Server, database: &str) {
    let mut admin = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let known = format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'");
    if first(&rows(&mut admin, &known).await.unwrap()) == "0" {
        let is_owner_there = "SELECT count(*) FROM pg_roles WHERE rolname = 'orders_owner'";
        let owner = match first(&rows(&mut admin, is_owner_there).await.unwrap()).as_str() {
            "1" => " OWNER orders_owner",
            _ => "",
        };
        let create = format!("CREATE DATABASE {database}{owner} TEMPLATE template0 ENCODING 'UTF8'");
        rows(&mut admin, &create).await.unwrap();
    }
    admin.close().await.unwrap();
}

/// The guide's roles have passwords that follow from their names.
fn password(role: &str) -> String {
    format!("{}-secret", role.rsplit('_').next().unwrap())
}

/// Runs one statement as `psql` would: by the simple protocol, with everything as text.
pub(crate) async fn rows(connection: &mut PgConnection, sql: &str) -> Result<Rows, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(columns).collect())
}

fn columns(row: &PgRow) -> Vec<Option<String>> {
    let column = |index| {
        let value = row.try_get_raw(index).unwrap();
        (!value.is_null()).then(|| value.as_str().unwrap().to_owned())
    };
    (0..row.len()).map(column).collect()
}

/// The first row as one line.
pub(crate) fn first(rows: &Rows) -> String {
    let columns = rows.first().into_iter().flatten();
    let texts: Vec<_> = columns.map(|column| column.as_deref().unwrap_or_default()).collect();
    texts.join(" | ")
}

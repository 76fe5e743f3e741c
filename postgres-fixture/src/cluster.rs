//! One server with its data directory, on whatever machine.

use std::{fmt::Write, sync::Arc};

use crate::{host::Host, port::password};

/// What every server of the fixture is started with. Durable, as in production; the rest is room for tests.
pub(crate) const SETTINGS: [(&str, &str); 5] = [
    ("fsync", "on"),
    ("autovacuum", "on"),
    ("max_connections", "300"),
    ("max_prepared_transactions", "10"),
    ("log_line_prefix", "%m [%p] %q%a %d "),
];

/// A server on a [`Host`].
#[derive(Debug)]
pub(crate) struct Cluster {
    host: Arc<Host>,
    name: String,
    password: String,
    /// As the server knows it.
    port: u16,
    /// As the test reaches it.
    outer_port: u16,
}

impl Cluster {
    /// A new server, started.
    ///
    /// # Panics
    /// When it cannot be had, with what the server said.
    pub(crate) async fn start_new(host: &Arc<Host>, settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self::at(host, password());
        cluster.initialize().await;
        cluster.configure(&SETTINGS).await;
        // In files of the data directory, which is removed; what a killed server leaves in /dev/shm nobody removes.
        cluster.configure(&[("dynamic_shared_memory_type", "mmap")]).await;
        cluster.configure(settings).await;
        cluster.start_first().await;
        cluster
    }

    fn at(host: &Arc<Host>, password: String) -> Self {
        let (port, outer_port) = host.port();
        Self {
            host: Arc::clone(host),
            name: host.cluster_name(),
            password,
            port,
            outer_port,
        }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> String {
        format!("{}/{}", self.host.home(), self.name)
    }

    fn log_file(&self) -> String {
        format!("{}/{}.log", self.host.home(), self.name)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@{}/{database}", self.password, self.address())
    }

    async fn initialize(&self) {
        // Not synced: what is lost when the machine fails is lost with the tests that it was for.
        let script = "umask 077
            printf '%s\\n' \"$PGPASSWORD\" >\"$DATA.password\"
            initdb --pgdata \"$DATA\" --username postgres --pwfile \"$DATA.password\" --auth scram-sha-256 \\
                --encoding UTF8 --locale C --no-sync
            code=$?
            rm -f \"$DATA.password\"
            exit $code";
        self.must("initdb", script, &[]).await;
        let everywhere = "host all all all scram-sha-256\nhost replication all all scram-sha-256";
        self.must(
            "pg_hba.conf",
            "printf '%s\\n' \"$LINES\" >>\"$DATA/pg_hba.conf\"",
            &[("LINES", everywhere)],
        )
        .await;
    }

    /// Adds settings; later ones win. They hold from the next start on.
    pub(crate) async fn configure(&self, settings: &[(&str, &str)]) {
        let mut lines = String::new();
        for (name, value) in settings {
            writeln!(lines, "{name} = '{}'", value.replace('\'', "''")).unwrap();
        }
        self.must(
            "settings",
            "printf '%s' \"$LINES\" >>\"$DATA/postgresql.conf\"",
            &[("LINES", &lines)],
        )
        .await;
    }

    async fn listen(&self) {
        let port = self.port.to_string();
        // A socket's path may have some hundred characters; whoever has a longer one has TCP.
        let home = self.host.home();
        let sockets = if home.len() < 80 { home } else { String::new() };
        let settings = [
            ("port", port.as_str()),
            ("listen_addresses", self.host.listen_addresses()),
            ("unix_socket_directories", &sockets),
        ];
        self.configure(&settings).await;
    }

    /// The first start, on another port if this one is taken.
    async fn start_first(&mut self) {
        let mut tries = 0;
        loop {
            self.listen().await;
            match self.start().await {
                Ok(()) => return,
                Err(error) if error.contains("in use") && tries < 5 => {
                    tries += 1;
                    (self.port, self.outer_port) = self.host.port();
                }
                Err(error) => panic!("cannot start PostgreSQL: {error}"),
            }
        }
    }

    /// Starts it and waits until it accepts connections.
    pub(crate) async fn start(&self) -> Result<(), String> {
        // Nothing of ours is inherited: a server that holds the runner's pipe would keep the runner waiting.
        let script =
            "pg_ctl --pgdata \"$DATA\" --log \"$LOG\" --wait --timeout 120 start >/dev/null 2>&1 </dev/null && exit
            tail -n 20 \"$LOG\"
            exit 1";
        self.run_with(script, &[], &[]).await.map(drop)
    }

    /// A copy of this server at this moment that follows it from then on, started.
    ///
    /// # Panics
    /// When it cannot be had, with what the server said.
    pub(crate) async fn start_standby(&self) -> Self {
        let mut standby = Self::at(&self.host, self.password.clone());
        let (data, slot) = (standby.data(), standby.name.clone());
        // With a slot: the primary keeps what a stopped standby has not seen yet.
        let script = "pg_basebackup --pgdata \"$COPY\" --checkpoint fast --wal-method stream --write-recovery-conf \\
            --create-slot --slot \"$SLOT\" --no-sync";
        self.must("pg_basebackup", script, &[("COPY", &data), ("SLOT", &slot)])
            .await;
        standby.start_first().await;
        standby
    }

    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub(crate) fn outer_port(&self) -> u16 {
        self.outer_port
    }

    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host.name(), self.outer_port)
    }

    /// Runs a script that knows `$DATA`, `$LOG` and how to connect.
    ///
    /// # Errors
    /// Everything that it said, when it fails.
    pub(crate) async fn run_with(
        &self,
        script: &str,
        variables: &[(&str, &str)],
        input: &[u8],
    ) -> Result<Vec<u8>, String> {
        let (data, log, port) = (self.data(), self.log_file(), self.port.to_string());
        let mut all = vec![
            ("DATA", data.as_str()),
            ("LOG", &log),
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", &port),
            ("PGUSER", "postgres"),
            ("PGPASSWORD", &self.password),
        ];
        all.extend(variables);
        self.host.run(script, &all, input).await
    }

    /// The same, for its text.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) async fn must(&self, what: &str, script: &str, variables: &[(&str, &str)]) -> String {
        let result = self.run_with(script, variables, &[]).await;
        let output = result.unwrap_or_else(|error| panic!("{what} failed: {error}"));
        String::from_utf8_lossy(&output).into_owned()
    }
}

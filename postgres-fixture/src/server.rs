//! A private server that a test may break.

use std::{env, fs, path::Path, process, sync::Arc};

use crate::{
    backends,
    binaries::Binaries,
    cluster::Cluster,
    docker,
    host::Host,
    keeper::Kept,
    kind::Kind,
    port::random,
    shared::{NONE, kind},
};

/// Seconds that a server outlives a killed test.
const GRACE: u32 = 2;

/// A server that one test owns: to stop, kill, replicate, promote, dump and restore. Durable (`fsync` on), removed with
/// everything on it when dropped; so are the servers of a killed test, a moment later.
///
/// It runs where the shared server runs, here or in a container. With `TEST_DATABASE_URL` it runs here, or in a container
/// if there are no server binaries.
///
/// ```no_run
/// # use composable_rust_postgres_fixture::Server;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = Server::start(&[("max_connections", "20")]).await;
/// server.kill().await;
/// server.start_again().await;
/// assert!(server.log().await.contains("was not properly shut down"));
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    cluster: Cluster,
}

impl Server {
    /// A new, empty server with these settings beyond the fixture's.
    ///
    /// # Panics
    /// When it cannot be had, with what the server said. All methods of this type panic when they cannot do what they say.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let host = private_host().await;
        Self {
            cluster: Cluster::start_new(&host, settings).await,
        }
    }

    /// A new, empty server beside this one. In Docker: in the same container.
    pub async fn another(&self, settings: &[(&str, &str)]) -> Self {
        Self {
            cluster: Cluster::start_new(self.cluster.host(), settings).await,
        }
    }

    /// The URL of one of its databases, as superuser. `postgres` is always there.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    /// `host:port`, as for a [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn address(&self) -> String {
        self.cluster.address()
    }

    /// The port, as the test reaches it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.cluster.outer_port()
    }

    /// Stops it in order: sessions are ended, everything is on disk.
    pub async fn stop(&self) {
        self.cluster
            .must("stop", "pg_ctl --pgdata \"$DATA\" --mode fast --wait stop", &[])
            .await;
    }

    /// `kill -9`, the server with all of its processes at once, as a crash of the machine would. Returns when all are gone.
    pub async fn kill(&self) {
        self.cluster.must("kill", include_str!("kill.sh"), &[]).await;
    }

    /// Starts it after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port. Returns when it accepts connections.
    pub async fn start_again(&self) {
        let started = self.cluster.start().await;
        started.unwrap_or_else(|error| panic!("the server does not start again: {error}"));
    }

    /// Adds settings and has the server read them. Those that need it hold from the next start on.
    pub async fn set(&self, settings: &[(&str, &str)]) {
        self.cluster.configure(settings).await;
        self.cluster
            .must("reload", "pg_ctl --pgdata \"$DATA\" reload", &[])
            .await;
    }

    /// Ends all sessions of `application_name` and returns how many there were. Returns when their processes have ended.
    ///
    /// ```no_run
    /// # use composable_rust_postgres_fixture::Server;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let server = Server::start(&[]).await;
    /// assert_eq!(server.terminate_backends("reports").await, 0);
    /// # }
    /// ```
    pub async fn terminate_backends(&self, application_name: &str) -> usize {
        backends::terminate(&self.url("postgres"), application_name).await
    }

    /// A streaming standby: a copy of this moment that follows.
    pub async fn standby(&self) -> Self {
        Self {
            cluster: self.cluster.start_standby().await,
        }
    }

    /// Makes a standby a primary. Returns when it accepts writes.
    pub async fn promote(&self) {
        self.cluster
            .must("promote", "pg_ctl --pgdata \"$DATA\" --wait promote", &[])
            .await;
    }

    /// `pg_dump` of a database into a file of the test's.
    pub async fn dump(&self, database: &str, file: &Path) {
        let script = "pg_dump --dbname \"$DATABASE\"";
        let dump = self.cluster.run_with(script, &[("DATABASE", database)], &[]).await;
        let dump = dump.unwrap_or_else(|error| panic!("pg_dump failed: {error}"));
        fs::write(file, dump).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }

    /// Restores such a file into a new database, on this server or on another.
    pub async fn restore(&self, database: &str, file: &Path) {
        let dump = fs::read(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        let script = "createdb --template template0 \"$DATABASE\" &&
            psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --output /dev/null --dbname \"$DATABASE\"";
        let restored = self.cluster.run_with(script, &[("DATABASE", database)], &dump).await;
        restored.unwrap_or_else(|error| panic!("psql failed: {error}"));
    }

    /// Runs a script of the shell on the server's machine, as the server's account, and returns what it prints.
    /// PostgreSQL's programs are in its `PATH` and know how to connect; `$DATA` is the data directory.
    pub async fn run(&self, script: &str) -> String {
        self.cluster.must(script, script, &[]).await
    }

    /// Everything that the server has logged.
    pub async fn log(&self) -> String {
        self.run("cat \"$LOG\"").await
    }
}

async fn private_host() -> Arc<Host> {
    let here = match kind().await {
        Kind::Docker => None,
        Kind::Local | Kind::Url => Binaries::find(),
    };
    assert!(here.is_some() || docker::answers(), "{NONE}");
    let name = format!("crpg-private-{}-{:08x}", process::id(), random() >> 32);
    let kept = Kept::create(env::temp_dir().join(name));
    kept.watch(GRACE, None);
    match here {
        Some(binaries) => Host::local(kept, binaries, true),
        None => Host::container(kept)
            .await
            .unwrap_or_else(|error| panic!("cannot start a container: {error}")),
    }
}

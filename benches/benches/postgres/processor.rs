//! Processor time: what each side costs, less disturbed than rates are by what else the machine does.

use std::{fs, ops::Sub, path::Path};

use composable_rust_benches::quantiles;
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;

/// Processor time in seconds, and how often a thread went to sleep, of this process and of the server's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) client: f64,
    pub(crate) server: f64,
    pub(crate) client_sleeps: f64,
    pub(crate) server_sleeps: f64,
}

/// Looks at what `/proc` shows; zeros where the server is elsewhere.
pub(crate) struct Processor {
    connection: Mutex<PgConnection>,
}

impl Processor {
    pub(crate) async fn new(url: &str) -> Self {
        let connection = PgConnection::connect(url).await.unwrap();
        Self {
            connection: Mutex::new(connection),
        }
    }

    pub(crate) async fn spent(&self) -> Spent {
        let mut connection = self.connection.lock().await;
        let query = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
        let pids: Vec<i32> = sqlx::query_scalar(query).fetch_all(&mut *connection).await.unwrap();
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let client: Vec<_> = tasks.map(|task| task_spent(&task.unwrap().path())).collect();
        let server: Vec<_> = pids
            .iter()
            .map(|pid| task_spent(Path::new(&format!("/proc/{pid}"))))
            .collect();
        Spent {
            client: client.iter().map(|(time, _)| time).sum(),
            server: server.iter().map(|(time, _)| time).sum(),
            client_sleeps: client.iter().map(|(_, sleeps)| sleeps).sum(),
            server_sleeps: server.iter().map(|(_, sleeps)| sleeps).sum(),
        }
    }
}

impl Spent {
    pub(crate) fn per(self, events: f64) -> Self {
        Self {
            client: self.client / events,
            server: self.server / events,
            client_sleeps: self.client_sleeps / events,
            server_sleeps: self.server_sleeps / events,
        }
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            client: self.client - before.client,
            server: self.server - before.server,
            client_sleeps: self.client_sleeps - before.client_sleeps,
            server_sleeps: self.server_sleeps - before.server_sleeps,
        }
    }
}

/// The best tenth of the rounds: what disturbs only ever adds.
pub(crate) fn line(spent: &[Spent]) -> String {
    let of = |what: fn(&Spent) -> f64| quantiles(spent.iter().map(what).collect())[0];
    format!(
        "{:5.1} + {:5.1} us, {:4.2} + {:4.2} sleeps",
        of(|spent| spent.client) * 1e6,
        of(|spent| spent.server) * 1e6,
        of(|spent| spent.client_sleeps),
        of(|spent| spent.server_sleeps),
    )
}

/// Seconds that a thread has run, and how often it went to sleep.
fn task_spent(task: &Path) -> (f64, f64) {
    let read = |file| fs::read_to_string(task.join(file)).unwrap_or_default();
    let time = read("schedstat")
        .split(' ')
        .next()
        .and_then(|time| time.parse::<f64>().ok());
    let sleeps = read("status")
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok());
    (time.unwrap_or_default() / 1e9, sleeps.unwrap_or_default())
}

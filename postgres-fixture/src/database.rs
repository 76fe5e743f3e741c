//! A database for one test.

use std::{
    process,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{runtime, sync::OnceCell};

use crate::{
    admin::{Admin, quoted},
    backends,
    port::random,
    shared::admin_url,
    url::with_database,
};

/// How long a test may be held up by the removal of its database. What is not removed by then a later run removes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database that is this test's alone. Removed when dropped, connections to it or not.
///
/// ```no_run
/// # use composable_rust_postgres_fixture::TestDatabase;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let database = TestDatabase::empty().await;
/// assert!(database.url().contains(database.name()));
/// # }
/// ```
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    admin_url: String,
}

/// What a database is created with, beyond the defaults.
#[derive(Debug, Clone, Default)]
pub struct DatabaseOptions {
    clauses: String,
    settings: Vec<(String, String)>,
}

impl DatabaseOptions {
    /// Owner: a role that exists already.
    #[must_use]
    pub fn owner(mut self, role: &str) -> Self {
        self.clauses = format!("{} OWNER {}", self.clauses, quoted(role));
        self
    }

    /// Locale, as the server's system names it: `C`, `C.UTF-8`, `de_DE.UTF-8`. Only without a template.
    #[must_use]
    pub fn locale(mut self, locale: &str) -> Self {
        self.clauses = format!("{} LOCALE '{}'", self.clauses, locale.replace('\'', "''"));
        self
    }

    /// A setting that every session in this database starts with.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl TestDatabase {
    /// A database with nothing in it.
    ///
    /// # Panics
    /// When there is no server (the text says what to install or set), or the role may not create databases.
    pub async fn empty() -> Self {
        Self::empty_with(DatabaseOptions::default()).await
    }

    /// A database with nothing in it, and these options.
    ///
    /// # Panics
    /// As [`TestDatabase::empty`].
    pub async fn empty_with(options: DatabaseOptions) -> Self {
        create("template0", &options).await
    }

    /// A copy of a template that is prepared once per server and name: `prepare` gets the template's URL. The name has
    /// to change with what is prepared: let it contain a hash.
    ///
    /// A creator that is killed or fails in the middle leaves nothing: the next one begins anew.
    ///
    /// # Panics
    /// As [`TestDatabase::empty`], and when `prepare` does.
    pub async fn from_template(name: &str, prepare: impl AsyncFnOnce(&str)) -> Self {
        Self::from_template_with(name, prepare, DatabaseOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Panics
    /// As [`TestDatabase::from_template`].
    pub async fn from_template_with(name: &str, prepare: impl AsyncFnOnce(&str), options: DatabaseOptions) -> Self {
        let template = template_name(name);
        ensure_template(&template, prepare).await;
        create(&template, &options).await
    }

    /// Where to connect to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends all sessions of `application_name` in this database and returns how many there were. Returns when their
    /// processes have ended.
    ///
    /// ```no_run
    /// # use composable_rust_postgres_fixture::TestDatabase;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let database = TestDatabase::empty().await;
    /// assert_eq!(database.terminate_backends("reports").await, 0);
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the server does not answer, or a session does not end within 20 s.
    pub async fn terminate_backends(&self, application_name: &str) -> usize {
        backends::terminate_in_database(&self.url, application_name).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A thread with its own runtime: the test's may be gone, or be the one that drops.
        let (done, finished) = mpsc::channel::<()>();
        let (url, name) = (self.admin_url.clone(), self.name.clone());
        thread::spawn(move || {
            let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(drop_database(&url, &name));
            drop(done);
        });
        let _ = finished.recv_timeout(PATIENCE);
    }
}

async fn drop_database(url: &str, name: &str) {
    if let Ok(mut admin) = Admin::connect(url).await {
        let _ = admin
            .execute(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)))
            .await;
        admin.close().await;
    }
}

async fn create(template: &str, options: &DatabaseOptions) -> TestDatabase {
    static SWEPT: OnceCell<()> = OnceCell::const_new();
    let admin_url = admin_url().await.to_owned();
    let mut admin = connect(&admin_url).await;
    SWEPT.get_or_init(async || sweep(&mut admin).await).await;
    let name = fresh_name();
    let (database, clauses) = (quoted(&name), &options.clauses);
    admin
        .must(format!(
            "CREATE DATABASE {database} TEMPLATE {}{clauses}",
            quoted(template)
        ))
        .await;
    for (setting, value) in &options.settings {
        let value = value.replace('\'', "''");
        admin
            .must(format!("ALTER DATABASE {database} SET {} = '{value}'", quoted(setting)))
            .await;
    }
    admin.close().await;
    TestDatabase {
        url: with_database(&admin_url, &name),
        name,
        admin_url,
    }
}

/// # Panics
/// When nobody answers, or the role may not create databases.
async fn connect(url: &str) -> Admin {
    let mut admin = Admin::connect(url)
        .await
        .unwrap_or_else(|error| panic!("the shared server does not answer: {error}"));
    let may = "SELECT 'yes' FROM pg_roles WHERE rolname = current_user AND (rolcreatedb OR rolsuper) AND $1 = ''";
    let may = !admin.texts(may, "").await.is_empty();
    assert!(
        may,
        "the role in TEST_DATABASE_URL may not create databases: ALTER ROLE ... CREATEDB"
    );
    admin
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "crtest_{}_{}_{count}_{:04x}",
        seconds(),
        process::id(),
        random() & 0xffff
    )
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Removes what killed tests have left: databases of an hour ago that nobody is connected to.
async fn sweep(admin: &mut Admin) {
    let old = "SELECT datname::text FROM pg_database AS database
               WHERE datname ~ '^crtest_[0-9]+_' AND split_part(datname, '_', 2)::bigint < $1::bigint
                 AND NOT EXISTS (SELECT FROM pg_stat_activity AS activity WHERE activity.datid = database.oid)";
    for name in admin.texts(old, &seconds().saturating_sub(3600).to_string()).await {
        let _ = admin
            .execute(format!("DROP DATABASE IF EXISTS {}", quoted(&name)))
            .await;
    }
}

/// A name for a template: readable, and within the 63 bytes that PostgreSQL keeps of a name.
fn template_name(name: &str) -> String {
    let legal = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    assert!(
        legal && (1..=50).contains(&name.len()),
        "a template's name is 1 to 50 of a-z, 0-9 and _: {name:?}"
    );
    format!("crtemplate_{name}")
}

const IS_READY: &str = "SELECT datname::text FROM pg_database WHERE datname = $1 AND datistemplate";
const LOCK: &str = "SELECT 'held' FROM pg_advisory_lock(hashtextextended($1, 0))";
const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = $1";

/// Has the template made, by whoever is first. The mark as a template is set last: without it, a template is rubbish.
async fn ensure_template(template: &str, prepare: impl AsyncFnOnce(&str)) {
    let url = admin_url().await;
    let mut admin = connect(url).await;
    if admin.texts(IS_READY, template).await.is_empty() {
        admin.texts(LOCK, template).await;
        if admin.texts(IS_READY, template).await.is_empty() {
            make_template(&mut admin, template, &with_database(url, template), prepare).await;
        }
    }
    admin.close().await;
}

async fn make_template(admin: &mut Admin, template: &str, url: &str, prepare: impl AsyncFnOnce(&str)) {
    let database = quoted(template);
    admin
        .must(format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
        .await;
    admin
        .must(format!("CREATE DATABASE {database} TEMPLATE template0"))
        .await;
    prepare(url).await;
    // A copy is refused while somebody is connected to the original.
    admin
        .must(format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"))
        .await;
    admin.texts(END_SESSIONS, template).await;
    admin.must(format!("ALTER DATABASE {database} IS_TEMPLATE true")).await;
}

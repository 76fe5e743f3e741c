//! The server that all tests of a run share, though each may be a process.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{sync::OnceCell, task::spawn_blocking};

use crate::{
    account::user_id,
    admin::Admin,
    binaries::Binaries,
    cluster::Cluster,
    container, docker,
    host::Host,
    keeper::{Kept, create_folder},
    kind::{Kind, given_url},
    port::random,
};

/// Seconds without a user after which the server ends: a runner's pause between two processes is no reason to.
const GRACE: u32 = 30;

/// The time after which an engine that could not start a server is asked again.
const FORGIVEN: Duration = Duration::from_mins(5);

/// The layout of the directory: another layout is another server.
const LAYOUT: u32 = 1;

#[derive(Debug)]
struct Shared {
    kind: Kind,
    url: String,
}

/// Where the shared server comes from. Starts it, if need be.
///
/// # Panics
/// When there is none and none can be started.
pub async fn kind() -> Kind {
    shared().await.kind
}

/// The URL of the shared server's `postgres` database (or of the one in `TEST_DATABASE_URL`), for a role that may create
/// databases. Starts the server, if need be.
///
/// # Panics
/// When there is none and none can be started.
pub async fn admin_url() -> &'static str {
    &shared().await.url
}

async fn shared() -> &'static Shared {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    SHARED.get_or_init(find_or_start).await
}

async fn find_or_start() -> Shared {
    match Kind::forced() {
        Some(Kind::Url) => given()
            .await
            .expect("TEST_POSTGRES is url, and TEST_DATABASE_URL is not set"),
        Some(Kind::Docker) => match in_docker().await {
            Ok(shared) => shared,
            Err(reason) => panic!("TEST_POSTGRES is docker, and {reason}"),
        },
        Some(Kind::Local) => local()
            .await
            .expect("TEST_POSTGRES is local, and initdb, postgres and pg_ctl are not found"),
        None => whatever_is_there().await,
    }
}

async fn whatever_is_there() -> Shared {
    if let Some(shared) = given().await {
        return shared;
    }
    let reason = match in_docker().await {
        Ok(shared) => return shared,
        Err(reason) => reason,
    };
    let shared = local().await.unwrap_or_else(|| panic!("{NONE} ({reason})"));
    eprintln!("PostgreSQL: the server binaries of this machine, because {reason}");
    shared
}

/// What to do when there is no PostgreSQL.
pub(crate) const NONE: &str = "these tests need PostgreSQL, and there is none: install the server's package (Debian and \
    Ubuntu: postgresql; Fedora and Alpine: postgresql-server, postgresql; macOS: brew install postgresql), or start Docker, \
    or set TEST_DATABASE_URL to the URL of a server whose role may create databases; scripts/test.sh installs the package \
    where it may";

async fn given() -> Option<Shared> {
    let url = given_url()?;
    match Admin::connect(&url).await {
        Ok(admin) => admin.close().await,
        Err(error) => panic!("TEST_DATABASE_URL is set, and no server answers there: {error}"),
    }
    Some(Shared { kind: Kind::Url, url })
}

async fn local() -> Option<Shared> {
    let binaries = Binaries::find()?;
    let place = Place::of(Kind::Local, &binaries.version());
    let _lock = place.lock().await;
    if let Some(url) = place.running().await {
        return Some(Shared { kind: Kind::Local, url });
    }
    let kept = place.prepare();
    let host = Host::local(kept.clone(), binaries, false);
    let url = Cluster::start_new(&host, &[]).await.url("postgres");
    place.announce(&kept, &url);
    Some(Shared { kind: Kind::Local, url })
}

/// # Errors
/// Why not, as the second half of a sentence.
async fn in_docker() -> Result<Shared, String> {
    if !docker::answers() {
        return Err("no Docker engine answers".to_owned());
    }
    let (name, tag) = docker::image();
    let place = Place::of(Kind::Docker, &format!("{name}-{tag}"));
    let _lock = place.lock().await;
    if let Some(url) = place.running().await {
        return Ok(Shared {
            kind: Kind::Docker,
            url,
        });
    }
    if Kind::forced().is_none() && place.failed_lately() {
        return Err(format!("a moment ago the engine could not start {name}:{tag}"));
    }
    docker::sweep().await;
    let kept = place.prepare();
    match container::start_server(kept.path()).await {
        Ok(url) => {
            place.announce(&kept, &url);
            Ok(Shared {
                kind: Kind::Docker,
                url,
            })
        }
        Err(error) => {
            kept.end();
            place.remember_failure();
            Err(format!("the engine cannot start {name}:{tag}: {error}"))
        }
    }
}

/// The directory where the processes of all runs with the same user, kind and version meet.
///
/// `lock` is held while one looks or starts; `current` leads to the directory of the server, where `url` is.
#[derive(Debug)]
struct Place {
    path: PathBuf,
}

impl Place {
    fn of(kind: Kind, version: &str) -> Self {
        let version: String = version
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
            .collect();
        let name = format!("crpg{LAYOUT}-{}-{kind}-{version}", user_id());
        let path = env::temp_dir().join(name);
        create_folder(&path);
        // Others may write in the temporary directory, too; their servers are not for us.
        let owner = fs::metadata(&path).expect("a directory just created").uid().to_string();
        assert_eq!(owner, user_id(), "{} belongs to another user", path.display());
        Self { path }
    }

    fn sign(&self) -> PathBuf {
        self.path.join("current")
    }

    /// Held until dropped, or until the process is gone.
    async fn lock(&self) -> File {
        let file = open_private(&self.path.join("lock"));
        let locked = spawn_blocking(move || file.lock().map(|()| file)).await;
        locked
            .expect("a thread that only locks")
            .expect("a lock on a file in the temporary directory")
    }

    /// The server that another process has started, if it answers.
    async fn running(&self) -> Option<String> {
        let kept = Kept::existing(fs::read_to_string(self.sign()).ok()?.into());
        kept.put_name_down();
        // Once more: a keeper that had decided to end the server has taken the sign away before its last look at the names.
        fs::metadata(self.sign()).ok()?;
        let url = fs::read_to_string(kept.path().join("url")).ok()?;
        if let Ok(admin) = Admin::connect(&url).await {
            admin.close().await;
            if !kept.is_watched() {
                kept.watch(GRACE, Some(&self.sign()));
            }
            return Some(url);
        }
        kept.end();
        None
    }

    fn prepare(&self) -> Kept {
        let _ = fs::remove_file(self.sign());
        let kept = Kept::create(self.path.join(format!("{:08x}", random() >> 32)));
        kept.watch(GRACE, Some(&self.sign()));
        kept
    }

    /// An image that could not be had is not asked for again by each of the run's processes.
    fn failed_lately(&self) -> bool {
        let failed = fs::metadata(self.path.join("failed")).and_then(|file| file.modified());
        failed.is_ok_and(|failed| failed.elapsed().is_ok_and(|age| age < FORGIVEN))
    }

    fn remember_failure(&self) {
        write_private(&self.path.join("failed"), "");
    }

    fn announce(&self, kept: &Kept, url: &str) {
        write_private(&kept.path().join("url"), url);
        // Complete or not there: whoever reads it without the lock is a keeper.
        let draft = self.path.join("next");
        write_private(&draft, &kept.path().display().to_string());
        fs::rename(draft, self.sign()).expect("a file in a directory of ours");
    }
}

fn open_private(path: &Path) -> File {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    file.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()))
}

fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    open_private(path)
        .write_all(text.as_bytes())
        .expect("a file of ours takes a line");
}

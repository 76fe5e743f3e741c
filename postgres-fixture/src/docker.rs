//! The Docker engine: whether one answers, which image, and what killed runs have left in it.

use std::{
    collections::HashMap,
    env,
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::Path,
    sync::OnceLock,
    time::Duration,
};

use testcontainers_modules::testcontainers::{
    bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
    core::client::docker_client_instance,
};

use crate::account::output;

/// The official image, small; `TEST_POSTGRES_IMAGE` names another one.
const IMAGE: &str = "postgres:17-alpine";

/// The label of our containers: machine and directory of the keeper.
pub(crate) const LABEL: &str = "composable-rust.postgres-fixture";

/// An engine that does not answer by then is none.
const PATIENCE: Duration = Duration::from_secs(3);

/// Name and tag of the image.
///
/// # Panics
/// When `TEST_POSTGRES_IMAGE` has no tag: whatever is newest is nothing that a test could rely on.
pub(crate) fn image() -> (String, String) {
    let given = env::var("TEST_POSTGRES_IMAGE").ok().filter(|image| !image.is_empty());
    let image = given.unwrap_or_else(|| IMAGE.to_owned());
    let parts = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    let (name, tag) = parts.unwrap_or_else(|| panic!("TEST_POSTGRES_IMAGE is {image:?}; it has to be name:tag"));
    (name.to_owned(), tag.to_owned())
}

/// Whether an engine is there and answers: a socket in the file system proves nothing.
pub(crate) fn answers() -> bool {
    static ANSWERS: OnceLock<bool> = OnceLock::new();
    *ANSWERS.get_or_init(|| {
        let hosts = match env::var("DOCKER_HOST") {
            Ok(host) if !host.is_empty() => vec![host],
            _ => default_sockets(),
        };
        // As testcontainers does: the first socket that exists is the one that is used.
        let socket = |host: &String| host.strip_prefix("unix://").is_none_or(|path| Path::new(path).exists());
        hosts
            .iter()
            .find(|host| socket(host))
            .is_some_and(|host| ping(host).is_some())
    })
}

fn default_sockets() -> Vec<String> {
    let below = |variable: &str, path: &str| env::var(variable).ok().map(|folder| format!("unix://{folder}/{path}"));
    let sockets = [
        Some("unix:///var/run/docker.sock".to_owned()),
        below("XDG_RUNTIME_DIR", ".docker/run/docker.sock"),
        below("HOME", ".docker/run/docker.sock"),
        below("HOME", ".docker/desktop/docker.sock"),
    ];
    sockets.into_iter().flatten().collect()
}

fn ping(host: &str) -> Option<()> {
    const REQUEST: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
    let mut answer = [0; 64];
    let length = if let Some(path) = host.strip_prefix("unix://") {
        let mut stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(REQUEST).ok()?;
        stream.read(&mut answer).ok()?
    } else {
        let address = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://"))?;
        let address = address.trim_end_matches('/').to_socket_addrs().ok()?.next()?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(REQUEST).ok()?;
        stream.read(&mut answer).ok()?
    };
    let answer = String::from_utf8_lossy(answer.get(..length)?).into_owned();
    answer.contains(" 200 ").then_some(())
}

/// The value of our label for a container whose keeper's directory this is.
pub(crate) fn label(directory: &Path) -> String {
    format!("{}:{}", machine(), directory.display())
}

/// An engine may serve several machines; directories mean something on one of them.
fn machine() -> &'static str {
    static MACHINE: OnceLock<String> = OnceLock::new();
    MACHINE.get_or_init(|| output("uname", &["-n"]).unwrap_or_default())
}

/// Removes containers of this machine whose directory is gone: their keeper could not reach the engine, or was killed.
pub(crate) async fn sweep() {
    let Ok(engine) = docker_client_instance().await else {
        return;
    };
    let filters = HashMap::from([("label", vec![LABEL])]);
    let list = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filters)
        .build();
    for container in engine.list_containers(Some(list)).await.unwrap_or_default() {
        let label = container
            .labels
            .and_then(|mut labels| labels.remove(LABEL))
            .unwrap_or_default();
        let stale = label
            .strip_prefix(&format!("{}:", machine()))
            .is_some_and(|path| !Path::new(path).exists());
        if let (true, Some(id)) = (stale, container.id) {
            remove(&id).await;
        }
    }
}

/// Removes a container with its volumes, running or not.
pub(crate) async fn remove(id: &str) {
    if let Ok(engine) = docker_client_instance().await {
        let how = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let _ = engine.remove_container(id, Some(how)).await;
    }
}

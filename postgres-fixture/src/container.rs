//! A container as a machine for servers: it does nothing by itself, commands are run in it.

use std::{
    fs, mem,
    path::Path,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use futures::{Stream, StreamExt};
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::{
    ContainerAsync, GenericImage, Image, ImageExt, TestcontainersError,
    bollard::{
        container::LogOutput,
        errors::Error,
        exec::{StartExecOptions, StartExecResults},
        models::ExecConfig,
    },
    core::{IntoContainerPort, client::docker_client_instance},
    runners::AsyncRunner,
};
use tokio::io::AsyncWriteExt;

use crate::{
    cluster::SETTINGS,
    docker::{self, LABEL},
    host::Finished,
    port::password,
};

/// As many servers may run in one container.
const PORTS: [u16; 4] = [5432, 5433, 5434, 5435];

/// The folder for data in the container.
pub(crate) const HOME: &str = "/tmp/pg";

/// The first process: it ends when asked to, and it takes leave of processes whose parent was killed. `sleep` would not:
/// a killed server would stay as a zombie that still looks alive to the next one.
const FIRST_PROCESS: &str = "trap 'exit 0' TERM INT; mkdir -p /tmp/pg; while sleep 1; do :; done";

/// A running container with PostgreSQL's programs in it.
#[derive(Debug)]
pub(crate) struct Container {
    id: String,
    /// The engine's machine, seen from the test.
    name: String,
    /// As a server in the container knows it, and as the test reaches it. Taken one by one.
    ports: Mutex<Vec<(u16, u16)>>,
}

impl Container {
    /// Starts one whose keeper watches `directory`.
    ///
    /// # Errors
    /// When the engine does not want to, above all when it cannot get the image.
    pub(crate) async fn start(directory: &Path) -> Result<Self, TestcontainersError> {
        let (name, tag) = docker::image();
        let image = PORTS.iter().fold(GenericImage::new(name, tag), |image, port| {
            image.with_exposed_port(port.tcp())
        });
        let request = image.with_entrypoint("/bin/sh").with_cmd(["-c", FIRST_PROCESS]);
        let request = request
            .with_user("postgres")
            .with_label(LABEL, docker::label(directory));
        let container = request.start().await?;
        fs::write(directory.join("container"), container.id()).expect("a directory of ours");
        let mut ports = Vec::new();
        for port in PORTS.iter().rev() {
            ports.push((*port, container.get_host_port_ipv4(*port).await?));
        }
        let name = host_of(&container).await?;
        let id = container.id().to_owned();
        // Removed by us and not by its own drop: that one panics outside of a runtime.
        mem::forget(container);
        Ok(Self {
            id,
            name,
            ports: Mutex::new(ports),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// # Panics
    /// When all ports are taken.
    pub(crate) fn port(&self) -> (u16, u16) {
        let port = self.ports.lock().unwrap_or_else(PoisonError::into_inner).pop();
        port.unwrap_or_else(|| panic!("a container has {} ports, one for each server in it", PORTS.len()))
    }

    /// Runs a script in a shell.
    ///
    /// # Errors
    /// When the engine does not want to.
    pub(crate) async fn run(&self, script: &str, variables: &[(&str, &str)], input: &[u8]) -> Result<Finished, Error> {
        let engine = docker_client_instance()
            .await
            .expect("the engine that has started this container");
        let command = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(
                variables
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect(),
            ),
            cmd: Some(["sh", "-c", script].map(str::to_owned).to_vec()),
            working_dir: Some(HOME.to_owned()),
            ..ExecConfig::default()
        };
        let exec = engine.create_exec(&self.id, command).await?.id;
        let mut finished = Finished::default();
        if let StartExecResults::Attached {
            output,
            input: mut pipe,
        } = engine.start_exec(&exec, None::<StartExecOptions>).await?
        {
            let write = async {
                let _ = pipe.write_all(input).await;
                let _ = pipe.shutdown().await;
            };
            tokio::join!(write, collect(output, &mut finished)).1?;
        }
        finished.success = engine.inspect_exec(&exec).await?.exit_code == Some(0);
        Ok(finished)
    }
}

async fn collect(
    mut output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    finished: &mut Finished,
) -> Result<(), Error> {
    while let Some(part) = output.next().await {
        match part? {
            LogOutput::StdErr { message } => finished.errors.extend_from_slice(&message),
            other => finished.output.extend_from_slice(&other.into_bytes()),
        }
    }
    Ok(())
}

/// An address for URLs. Where `localhost` has two, the engine listens on this one.
pub(crate) async fn host_of<I: Image>(container: &ContainerAsync<I>) -> Result<String, TestcontainersError> {
    let host = container.get_host().await?.to_string();
    Ok(if host == "localhost" {
        "127.0.0.1".to_owned()
    } else {
        host
    })
}

/// The shared server: the image as its makers mean it to be started. Returns its URL.
///
/// # Errors
/// When the engine does not want to, above all when it cannot get the image.
pub(crate) async fn start_server(directory: &Path) -> Result<String, TestcontainersError> {
    let ((name, tag), password) = (docker::image(), password());
    let settings = SETTINGS
        .iter()
        .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
    let command = std::iter::once("postgres".to_owned()).chain(settings);
    let image = Postgres::default().with_fsync_enabled().with_password(&password);
    let request = image.with_name(name).with_tag(tag).with_cmd(command);
    let container = request.with_label(LABEL, docker::label(directory)).start().await?;
    fs::write(directory.join("container"), container.id()).expect("a directory of ours");
    let address = format!(
        "{}:{}",
        host_of(&container).await?,
        container.get_host_port_ipv4(5432).await?
    );
    // It serves all processes of the run; the keeper ends it.
    mem::forget(container);
    Ok(format!("postgres://postgres:{password}@{address}/postgres"))
}

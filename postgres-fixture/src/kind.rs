//! Where the shared server comes from.

use std::{env, fmt};

/// Where the shared server comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A server that somebody else runs: `TEST_DATABASE_URL`.
    Url,
    /// A container, by testcontainers.
    Docker,
    /// The server binaries found on this machine.
    Local,
}

impl Kind {
    /// The kind that `TEST_POSTGRES` demands.
    ///
    /// # Panics
    /// When it is set to something else than `url`, `docker` or `local`.
    pub(crate) fn forced() -> Option<Self> {
        let name = env::var("TEST_POSTGRES").ok().filter(|name| !name.is_empty())?;
        let kind = [Kind::Url, Kind::Docker, Kind::Local]
            .into_iter()
            .find(|kind| kind.to_string() == name);
        assert!(
            kind.is_some(),
            "TEST_POSTGRES is {name:?}; it may be url, docker or local"
        );
        kind
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Url => "url",
            Kind::Docker => "docker",
            Kind::Local => "local",
        })
    }
}

/// `TEST_DATABASE_URL`, unless empty.
pub(crate) fn given_url() -> Option<String> {
    env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

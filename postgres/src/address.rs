//! Where to connect and as whom, shown without the password: stores and options are printed where logs are written.

use std::fmt;

use sqlx::postgres::PgConnectOptions;

/// How a connection is opened. The driver's own type would show the password.
#[derive(Clone)]
pub(crate) struct Address(Box<PgConnectOptions>);

impl Address {
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

impl From<PgConnectOptions> for Address {
    fn from(options: PgConnectOptions) -> Self {
        Self(Box::new(options))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(to) = self;
        let (user, host, port) = (to.get_username(), to.get_host(), to.get_port());
        write!(
            f,
            "postgres://{user}@{host}:{port}/{}",
            to.get_database().unwrap_or_default()
        )
    }
}

/// An address as it was given: nobody knows yet where in it a password is.
#[derive(Clone)]
pub(crate) struct Unparsed(pub(crate) String);

impl fmt::Debug for Unparsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

//! How a run can end other than well.

use std::{error::Error, io, process::ExitCode, sync::Arc};

use composable_rust::{ExecuteError, LoadError, ReadError, postgres, sqlite};

use crate::order::{OrderId, OrderRejection};

/// How a run can end other than well.
///
/// ```
/// use order_processing::Failure;
/// let failure = Failure::UnknownOrder("o-1".parse()?);
/// assert_eq!(failure.explain(), "there is no order o-1");
/// # Ok::<(), order_processing::order::IdError>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The command was refused; nothing was written.
    #[error(transparent)]
    Rejected(OrderRejection),
    /// Nothing is known of this order.
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    /// What was given can't be used: an address, a file. Give another one.
    #[error("{0}")]
    Input(String),
    /// `apply` went through, but so many lines of its input were malformed.
    #[error("malformed lines: {0}")]
    Malformed(u64),
    /// The store failed, or the machine did.
    #[error("{context}")]
    Store {
        /// What it failed at.
        context: String,
        /// Why.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// What was asked for could not be written to standard output.
    #[error("the output could not be written")]
    Output(#[source] Arc<io::Error>),
}

impl Failure {
    /// The program's exit code: 1 refused, 2 wrong usage or bad input, 3 the store (or the machine) failed.
    ///
    /// Whoever closes standard output early, such as `head`, has seen enough: that is no failure.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Rejected(_) | Self::UnknownOrder(_) => ExitCode::from(1),
            Self::Input(_) | Self::Malformed(_) => ExitCode::from(2),
            Self::Output(_) if self.is_broken_pipe() => ExitCode::SUCCESS,
            Self::Store { .. } | Self::Output(_) => ExitCode::from(3),
        }
    }

    /// Whether all is said already: malformed lines were named one by one, and a closed pipe needs no words.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.is_broken_pipe() || matches!(self, Self::Malformed(_))
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The failure and its causes, on one line.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut words = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let said = error.to_string();
            // Drivers like to repeat their causes in their own words.
            if !words.ends_with(&said) {
                words = format!("{words}: {said}");
            }
            cause = error.source();
        }
        words
    }

    pub(crate) fn store(context: impl Into<String>, error: impl Error + Send + Sync + 'static) -> Self {
        Self::Store {
            context: context.into(),
            source: Arc::new(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(Arc::new(error))
    }
}

impl From<ExecuteError<OrderRejection>> for Failure {
    fn from(error: ExecuteError<OrderRejection>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::Rejected(rejection),
            ExecuteError::InvalidId(invalid) => Self::Input(invalid.to_string()),
            other => Self::store("the command could not be carried out", other),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::InvalidId(invalid) => Self::Input(invalid.to_string()),
            other => Self::store("the order could not be loaded", other),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::store("the log could not be read", error)
    }
}

impl From<sqlite::SqliteOpenError> for Failure {
    fn from(error: sqlite::SqliteOpenError) -> Self {
        match error {
            sqlite::SqliteOpenError::InvalidUrl { .. } | sqlite::SqliteOpenError::InvalidPath { .. } => {
                Self::Input(error.to_string())
            }
            other => Self::store("the store could not be opened", other),
        }
    }
}

impl From<postgres::PostgresOpenError> for Failure {
    fn from(error: postgres::PostgresOpenError) -> Self {
        match error {
            postgres::PostgresOpenError::InvalidUrl(_) | postgres::PostgresOpenError::TlsNotBuiltIn(_) => {
                Self::Input(error.to_string())
            }
            other => Self::store("the store could not be opened", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_and_on_one_line() {
        let failure = Failure::store("the store could not be opened", io::Error::other("disk full"));
        assert_eq!(failure.explain(), "the store could not be opened: disk full");
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(failure.is_silent());
        assert_eq!(failure.exit_code(), ExitCode::SUCCESS);
    }
}

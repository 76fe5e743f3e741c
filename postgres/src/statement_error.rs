//! A statement of an append that failed, and what that means for the append.

use composable_rust_core::AppendError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::errors::{self, ErrorClass, TimeLimit};

/// A statement that failed, and whether it may have committed.
#[derive(Debug)]
pub(crate) struct StatementError {
    pub(crate) error: sqlx::Error,
    is_in_doubt: bool,
}

/// What to do about a statement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// Another writer was first, or an id or a command is stored already: look the streams up.
    LookUp,
    /// The same again, after a pause: a deadlock, or a transaction that could not be serialized.
    RunAgain,
    /// The same again, with its statements prepared anew: a table was changed or replaced.
    Prepare,
    /// The server ended the session before it looked at the statement: the same again, on another connection.
    Reconnect,
    /// The server ended the session, and its transaction with it: whether the statement had committed can be looked up.
    Settle,
    /// The server refused the statement, perhaps for one of several appends.
    Split,
    /// Answer the callers.
    Fail,
}

impl StatementError {
    pub(crate) const fn before_commit(error: sqlx::Error) -> Self {
        Self {
            error,
            is_in_doubt: false,
        }
    }

    pub(crate) const fn in_doubt(error: sqlx::Error) -> Self {
        Self {
            error,
            is_in_doubt: true,
        }
    }

    /// The deadline passed; `is_in_doubt` after a statement was sent that commits.
    pub(crate) fn timed_out(is_in_doubt: bool) -> Self {
        Self {
            error: TimeLimit::Statement.into(),
            is_in_doubt,
        }
    }

    pub(crate) fn recovery(&self) -> Recovery {
        match ErrorClass::of(&self.error) {
            ErrorClass::UniqueViolation => Recovery::LookUp,
            ErrorClass::Serialization => Recovery::RunAgain,
            ErrorClass::IdleTimeout => Recovery::Reconnect,
            // A panic ends the whole server, perhaps because of this statement: it is not sent again.
            _ if is_session_ended(&self.error) && self.is_in_doubt => Recovery::Settle,
            _ if errors::is_fatal(&self.error) => Recovery::Fail,
            ErrorClass::StalePlan => Recovery::Prepare,
            ErrorClass::Other if self.error.as_database_error().is_some() => Recovery::Split,
            _ => Recovery::Fail,
        }
    }

    /// Whether the statement certainly has stored nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        !matches!(self.recovery(), Recovery::Settle | Recovery::Fail)
    }

    /// The answer to the callers.
    pub(crate) fn into_append_error(self) -> AppendError {
        if self.is_in_doubt {
            errors::of_append(self.error)
        } else {
            errors::before_sending(self.error)
        }
    }
}

/// Whether the server has ended the session on purpose, or for the crash of another one: 57P01 and 57P02. After another
/// fatal error the commit may still be under way.
fn is_session_ended(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    let severity = error
        .try_downcast_ref::<PgDatabaseError>()
        .map(PgDatabaseError::severity);
    severity == Some(PgSeverity::Fatal) && error.code().is_some_and(|code| matches!(&*code, "57P01" | "57P02"))
}

//! What a store has to know of its server before it relies on it.

use std::sync::Arc;

use sqlx::{Executor, PgConnection, Row};

use crate::{PostgresOpenError, options::Settings, statements};

/// The first release whose triggers can be replaced and whose transaction ids have 64 bits.
const OLDEST: i32 = 14;

/// The tables of several schemas by the names of one log.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the search_path leads to tables of several schemas")]
struct Scattered;

/// A server, and a session on it.
#[derive(Debug)]
pub(crate) struct ServerSettings {
    major_version: i32,
    encoding: String,
    isolation: String,
    fsync: String,
    synchronous_commit: String,
    /// Where unqualified names lead to.
    pub(crate) schema: Option<String>,
    /// The schema in which a log is found, if there is one: not always the first one.
    log: Option<String>,
    /// Whether other tables stand before some of the log's.
    is_scattered: bool,
}

impl ServerSettings {
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let row = connection.fetch_one(sqlx::query(statements::SERVER_SETTINGS)).await?;
        Ok(Self {
            major_version: row.try_get::<i32, _>(0)? / 10_000,
            encoding: row.try_get(1)?,
            isolation: row.try_get(2)?,
            fsync: row.try_get(3)?,
            synchronous_commit: row.try_get(4)?,
            schema: row.try_get(5)?,
            log: row.try_get(6)?,
            is_scattered: row.try_get(7)?,
        })
    }

    /// That the store's promises can be kept here.
    pub(crate) fn check(self, settings: &Settings) -> Result<(), PostgresOpenError> {
        if self.major_version < OLDEST {
            let found = self.major_version;
            return Err(PostgresOpenError::ServerTooOld { found });
        }
        if self.encoding != "UTF8" {
            return Err(PostgresOpenError::Encoding { found: self.encoding });
        }
        if self.isolation != "read committed" {
            return Err(PostgresOpenError::Isolation { found: self.isolation });
        }
        self.check_durability(settings)
    }

    /// That tables are found where they were asked for: no default does, or a misspelt schema would lead to another one.
    pub(crate) fn check_schema(self, settings: &Settings) -> Result<(), PostgresOpenError> {
        match &settings.schema {
            Some(expected) if self.schema.as_ref() != Some(expected) => Err(PostgresOpenError::MissingSchema {
                expected: expected.clone(),
                found: self.schema,
            }),
            _ => Ok(()),
        }
    }

    /// Whether the log that was asked for is there. One of another schema, further down the `search_path`, is not it.
    pub(crate) fn has_log(&self, settings: &Settings) -> bool {
        match &settings.schema {
            Some(_) => self.log == settings.schema,
            None => self.log.is_some(),
        }
    }

    /// That unqualified names lead to one log, and not to an application's tables in front of it.
    pub(crate) fn check_tables(&self) -> Result<(), PostgresOpenError> {
        if self.log.is_some() && self.is_scattered {
            return Err(PostgresOpenError::TableTaken(Arc::new(Scattered)));
        }
        Ok(())
    }

    fn check_durability(self, settings: &Settings) -> Result<(), PostgresOpenError> {
        let off = |value: &str| value == "off";
        let (setting, value, lost) = if off(&self.fsync) {
            (
                "fsync",
                self.fsync,
                "a crash of the server's machine can lose or damage the whole log",
            )
        } else if off(&self.synchronous_commit) {
            let lost = "a crash of the server can lose the last events that were acknowledged";
            ("synchronous_commit", self.synchronous_commit, lost)
        } else {
            return Ok(());
        };
        if settings.require_durability {
            return Err(PostgresOpenError::NotDurable { setting, value });
        }
        tracing::warn!(setting, value, lost, "the server does not keep what it acknowledges");
        Ok(())
    }
}

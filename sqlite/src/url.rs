//! The URL of a store.

use crate::{SqliteOpenError, options::Access};

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address<'a> {
    /// A file, and what the URL says about how to open it.
    File {
        path: &'a str,
        access: Option<Access>,
    },
    Memory,
}

impl<'a> Address<'a> {
    /// Takes the path literally: nothing in it is decoded. The only parameter is `mode`; others are refused and not
    /// ignored.
    pub(crate) fn parse(url: &'a str) -> Result<Self, SqliteOpenError> {
        let invalid = || SqliteOpenError::InvalidUrl { url: url.to_owned() };
        let rest = url.strip_prefix("sqlite:").ok_or_else(invalid)?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, access) = match rest.split_once('?') {
            None => (rest, None),
            Some((path, "mode=rwc")) => (path, Some(Access::Create)),
            Some((path, "mode=rw")) => (path, Some(Access::Write)),
            Some((path, "mode=ro")) => (path, Some(Access::Read)),
            Some(_) => return Err(invalid()),
        };
        match path {
            // There is nothing to read in a new one.
            ":memory:" if access.is_none_or(|access| access == Access::Create) => Ok(Self::Memory),
            "" | ":memory:" => Err(invalid()),
            _ => Ok(Self::File { path, access }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_written() {
        let files = [
            ("sqlite://orders.db", "orders.db", None),
            ("sqlite:orders.db", "orders.db", None),
            ("sqlite:///var/orders.db", "/var/orders.db", None),
            ("sqlite://a%20b.db?mode=rwc", "a%20b.db", Some(Access::Create)),
            ("sqlite://orders.db?mode=rw", "orders.db", Some(Access::Write)),
            ("sqlite://orders.db?mode=ro", "orders.db", Some(Access::Read)),
        ];
        for (url, path, access) in files {
            assert_eq!(Address::parse(url).unwrap(), Address::File { path, access });
        }
    }

    #[test]
    fn memory_has_an_address() {
        for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite::memory:?mode=rwc"] {
            assert_eq!(Address::parse(url).unwrap(), Address::Memory);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for url in [
            "",
            "orders.db",
            "postgres://x",
            "sqlite:",
            "sqlite://",
            "sqlite://x?mode=memory",
            "sqlite://x?cache=shared",
            "sqlite://?mode=ro",
            "sqlite::memory:?mode=ro",
        ] {
            let refused = Address::parse(url);
            assert!(matches!(refused, Err(SqliteOpenError::InvalidUrl { .. })), "{url:?}");
        }
    }
}

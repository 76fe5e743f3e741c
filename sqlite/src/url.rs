//! Addresses of stores.

use crate::OpenError;

/// What an address names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address<'a> {
    File(&'a str),
    Memory,
}

impl<'a> Address<'a> {
    /// Takes the path as it is written: nothing in it is decoded. `?mode=rwc` is what a store does anyway; other
    /// parameters are refused rather than ignored.
    pub(crate) fn parse(url: &'a str) -> Result<Self, OpenError> {
        let invalid = || OpenError::InvalidUrl { url: url.to_owned() };
        let rest = url.strip_prefix("sqlite:").ok_or_else(invalid)?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let path = rest.strip_suffix("?mode=rwc").unwrap_or(rest);
        match path {
            ":memory:" => Ok(Self::Memory),
            "" => Err(invalid()),
            _ if path.contains('?') => Err(invalid()),
            _ => Ok(Self::File(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_written() {
        let files = [
            ("sqlite://orders.db", "orders.db"),
            ("sqlite:orders.db", "orders.db"),
            ("sqlite:///var/orders.db", "/var/orders.db"),
            ("sqlite://a%20b.db?mode=rwc", "a%20b.db"),
        ];
        for (url, path) in files {
            assert_eq!(Address::parse(url).unwrap(), Address::File(path));
        }
    }

    #[test]
    fn memory_has_an_address() {
        for url in ["sqlite::memory:", "sqlite://:memory:"] {
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
            "sqlite://x?mode=ro",
        ] {
            let refused = Address::parse(url);
            assert!(matches!(refused, Err(OpenError::InvalidUrl { .. })), "{url:?}");
        }
    }
}

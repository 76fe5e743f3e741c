//! Connection URLs: the parts that a test exchanges.

/// The same server and role, another database.
pub(crate) fn with_database(url: &str, database: &str) -> String {
    let (before, _, query) = split(url);
    format!("{before}/{database}{query}")
}

/// The same role and database behind another address, such as a proxy's.
pub(crate) fn with_address(url: &str, address: &str) -> String {
    let (before, database, query) = split(url);
    let (scheme, authority) = before.split_once("://").unwrap_or(("postgres", before));
    let credentials = authority
        .rsplit_once('@')
        .map(|(credentials, _)| format!("{credentials}@"));
    format!(
        "{scheme}://{}{address}/{database}{query}",
        credentials.unwrap_or_default()
    )
}

/// Where its server listens.
pub(crate) fn address(url: &str) -> String {
    let (before, ..) = split(url);
    let authority = before.split_once("://").map_or(before, |(_, authority)| authority);
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port {
        address.to_owned()
    } else {
        format!("{address}:5432")
    }
}

/// Up to the address, the database, and the query with its question mark.
fn split(url: &str) -> (&str, &str, String) {
    let (url, query) = match url.split_once('?') {
        Some((url, query)) => (url, format!("?{query}")),
        None => (url, String::new()),
    };
    let authority = url.find("://").map_or(0, |at| at + 3);
    let (_, rest) = url.split_at(authority);
    match rest.find('/') {
        Some(slash) => {
            let (before, path) = url.split_at(authority + slash);
            (before, path.trim_start_matches('/'), query)
        }
        None => (url, "", query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanging_the_database_keeps_everything_else() {
        let url = "postgres://me:secret@db.test:5433/old?sslmode=require";
        assert_eq!(
            with_database(url, "new"),
            "postgres://me:secret@db.test:5433/new?sslmode=require"
        );
        assert_eq!(with_database("postgres://db.test", "new"), "postgres://db.test/new");
        assert_eq!(
            with_database("postgres://me@/old?host=/tmp", "new"),
            "postgres://me@/new?host=/tmp"
        );
    }

    #[test]
    fn the_address_has_a_port_in_any_case() {
        assert_eq!(
            address("postgres://me:secret@db.test:5433/old?sslmode=require"),
            "db.test:5433"
        );
        assert_eq!(address("postgres://db.test/old"), "db.test:5432");
        assert_eq!(address("postgres://me@[::1]"), "[::1]:5432");
    }

    #[test]
    fn exchanging_the_address_keeps_everything_else() {
        let url = "postgres://me:secret@db.test:5433/old?sslmode=require";
        assert_eq!(
            with_address(url, "127.0.0.1:1"),
            "postgres://me:secret@127.0.0.1:1/old?sslmode=require"
        );
        assert_eq!(
            with_address("postgres://db.test/old", "127.0.0.1:1"),
            "postgres://127.0.0.1:1/old"
        );
    }
}

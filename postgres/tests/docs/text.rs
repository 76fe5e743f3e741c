//! The prose of the guide: what it names is there.

use std::fs;

use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::guide::{blocks, repository, text};

fn connection_strings() -> Vec<String> {
    let text = text();
    let words = text.split(|c: char| c.is_whitespace() || c == '`' || c == '"');
    words
        .filter(|word| word.starts_with("postgres://"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_connection_string_parses() {
    let strings = connection_strings();
    assert!(strings.len() >= 7, "{strings:?}");
    for string in strings {
        let parsed = string.parse::<PgConnectOptions>();
        assert!(parsed.is_ok(), "{string}: {parsed:?}");
    }
}

#[test]
fn the_parts_of_a_connection_string_mean_what_the_table_says() {
    let strings = connection_strings();
    let parse = |part: &str| {
        let string = strings.iter().find(|string| string.contains(part));
        string
            .unwrap_or_else(|| panic!("no string with {part}"))
            .parse::<PgConnectOptions>()
            .unwrap()
    };
    let usual = parse("?sslmode=verify-full");
    assert_eq!((usual.get_host(), usual.get_port()), ("db.example.com", 5432));
    assert_eq!(
        (usual.get_username(), usual.get_database()),
        ("orders_app", Some("orders"))
    );
    assert!(matches!(usual.get_ssl_mode(), PgSslMode::VerifyFull));
    for by_socket in [parse("?host="), parse("%2Frun")] {
        assert_eq!(by_socket.get_socket().unwrap().to_str(), Some("/run/postgresql"));
        assert_eq!(
            (by_socket.get_username(), by_socket.get_database()),
            ("orders_app", Some("orders"))
        );
    }
    let named = parse("application_name=");
    assert_eq!(named.get_application_name(), Some("checkout"));
    assert_eq!(named.get_options(), Some("-c lock_timeout=5s"));
    assert!(parse("p%40ss").to_url_lossy().as_str().contains("p%40ss@"));
}

#[test]
fn lists_of_hosts_are_refused_as_the_text_says() {
    assert!(
        "postgres://app@one:5432,two:5432/orders"
            .parse::<PgConnectOptions>()
            .is_err()
    );
}

/// The variants of an enum, from its source.
fn variants(source: &str, name: &str) -> Vec<String> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let named = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    named
        .map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned())
        .collect()
}

fn source(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

#[test]
fn every_error_has_its_place_under_troubleshooting() {
    let text = text();
    let (_, troubleshooting) = text.split_once("\n## Troubleshooting\n").unwrap();
    for (name, file) in [
        ("OpenError", "postgres/src/error.rs"),
        ("AppendError", "core/src/error.rs"),
        ("TransactionError", "postgres/src/transaction.rs"),
        ("ReadError", "core/src/error.rs"),
        ("SnapshotError", "core/src/error.rs"),
    ] {
        let variants = variants(&source(file), name);
        assert!(!variants.is_empty(), "{name}");
        for variant in variants {
            let entry = format!("`{name}::{variant}`");
            assert!(troubleshooting.contains(&entry), "{entry} is missing");
        }
    }
}

#[test]
fn every_code_that_the_store_knows_is_explained() {
    let sources =
        source("postgres/src/errors.rs") + &source("postgres/src/statement_error.rs") + &source("postgres/src/open.rs");
    let literals = sources.split('"').skip(1).step_by(2);
    let is_code =
        |literal: &&str| literal.len() == 5 && literal.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let codes: Vec<_> = literals.filter(is_code).collect();
    assert!(codes.contains(&"23505"), "{codes:?}");
    for code in codes {
        assert!(text().contains(code), "{code} is missing");
    }
}

#[test]
fn every_call_that_the_text_names_exists() {
    let files = [
        "postgres/src/store.rs",
        "postgres/src/options.rs",
        "postgres/src/blockers.rs",
        "migrations/postgres/0001_events.sql",
    ];
    let sources = files.map(source).concat();
    let text = text();
    let spans = text.split('`').skip(1).step_by(2);
    let is_call = |code: &&str| code.ends_with(')') && !code.contains([' ', '\n', '…']) && !code.starts_with("pg_");
    let calls = spans
        .filter(is_call)
        .flat_map(|code| code.trim_start_matches("PostgresEventStore::").split(")."));
    let names: Vec<_> = calls.map(|call| call.split('(').next().unwrap()).collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        let declared = ["fn", "FUNCTION"].map(|keyword| sources.contains(&format!("{keyword} {name}(")));
        assert!(declared.contains(&true), "there is no {name}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let text = text();
    let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        match target.strip_prefix('#') {
            Some(heading) => assert!(headings.iter().any(|known| known == heading), "#{heading}"),
            None => assert!(repository().join("docs").join(target).exists(), "{target}"),
        }
    }
}

fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

#[test]
fn no_line_of_prose_is_too_long_and_every_block_has_a_language() {
    for block in blocks() {
        assert!(
            ["sql", "sh", "text"].contains(&block.language.as_str()),
            "line {}",
            block.line
        );
    }
    for line in text().lines().filter(|line| !line.starts_with('|')) {
        assert!(line.chars().count() <= 132, "{line}");
    }
}

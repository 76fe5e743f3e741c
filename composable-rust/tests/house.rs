//! The house keeps its own rules: the invariants of `docs/ARCHITECTURE.md`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helper functions of tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The workspace's packages: name to (kind, dependency) pairs.
fn dependencies() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("normal").to_owned();
    let of = |package: &Value| {
        let list = package["dependencies"].as_array().unwrap();
        list.iter()
            .map(|dependency| (text(&dependency["kind"]), text(&dependency["name"])))
            .collect()
    };
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (text(&package["name"]), of(package)))
        .collect()
}

fn normal(package: &str) -> BTreeSet<String> {
    let all = dependencies();
    all[package]
        .iter()
        .filter(|(kind, _)| kind != "dev")
        .map(|(_, name)| name.clone())
        .collect()
}

fn ours(package: &str) -> Vec<String> {
    normal(package)
        .into_iter()
        .filter(|name| name.starts_with("composable-rust"))
        .collect()
}

/// Files below `folder` with this ending, without build output.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_symlink() || name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Lines of code: neither blank nor comment, and without the tests at the end of the file.
fn code(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// The sections of a manifest that list dependencies, without their headings.
fn dependency_lines(manifest: &str) -> impl Iterator<Item = &str> {
    let sections = manifest.split("\n[").filter(|section| {
        section
            .split_once(']')
            .is_some_and(|(heading, _)| heading.contains("dependencies"))
    });
    sections
        .flat_map(|section| section.lines().skip(1))
        .filter(|line| line.contains('=') && !line.starts_with('#'))
}

#[test]
fn core_knows_no_runtime_no_database_and_none_of_our_crates() {
    assert_eq!(ours("composable-rust-core"), Vec::<String>::new());
    for foreign in ["tokio", "sqlx", "rand", "getrandom", "tracing"] {
        assert!(
            !normal("composable-rust-core").contains(foreign),
            "core depends on {foreign}"
        );
    }
}

#[test]
fn everything_points_to_core_and_backends_know_nothing_else() {
    assert_eq!(ours("composable-rust-sqlite"), ["composable-rust-core"]);
    assert_eq!(ours("composable-rust-postgres"), ["composable-rust-core"]);
    assert_eq!(ours("composable-rust-postgres-fixture"), Vec::<String>::new());
    assert_eq!(ours("composable-rust-runtime"), ["composable-rust-core"]);
    assert_eq!(
        ours("composable-rust-testing"),
        ["composable-rust-core", "composable-rust-runtime"],
        "its test store drives the live engine"
    );
    assert_eq!(ours("composable-rust-macros"), Vec::<String>::new());
    assert_eq!(
        ours("order-processing"),
        ["composable-rust"],
        "the example uses what users use"
    );
}

#[test]
fn nobody_depends_on_the_example() {
    for (package, dependencies) in dependencies() {
        assert!(
            dependencies.iter().all(|(_, name)| name != "order-processing"),
            "{package}"
        );
    }
}

#[test]
fn every_version_stands_once_in_the_workspace() {
    for manifest in files(&root(), "Cargo.toml") {
        if manifest == root().join("Cargo.toml") {
            continue;
        }
        for line in dependency_lines(&fs::read_to_string(&manifest).unwrap()) {
            assert!(line.contains("workspace = true"), "{}: {line}", manifest.display());
        }
    }
}

#[test]
fn every_dependency_of_the_workspace_has_its_reason() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = text
        .split("[workspace.dependencies]")
        .nth(1)
        .unwrap()
        .split("\n[")
        .next()
        .unwrap();
    let mut reason = false;
    for line in section.lines() {
        assert!(
            !line.contains(" = ") || reason || line.starts_with("composable-rust"),
            "no reason before: {line}"
        );
        reason = line.starts_with('#');
    }
}

#[test]
fn a_file_is_one_noun_of_at_most_300_lines_of_code() {
    for file in files(&root(), ".rs") {
        let lines = code(&fs::read_to_string(&file).unwrap()).count();
        assert!(lines <= 300, "{} has {lines} lines of code", file.display());
    }
}

#[test]
fn statements_that_write_stand_in_files_of_sql() {
    let writes = [
        "insert into",
        "insert or",
        "replace into",
        "update ",
        "delete from",
        "create ",
        "alter ",
        "drop ",
    ];
    let tables = ["event", "snapshot", "table", "index", "trigger"];
    let is_sql = |literal: &str| {
        let literal = literal.trim_start().to_lowercase();
        let writes = writes.iter().any(|verb| literal.starts_with(verb));
        writes && tables.iter().any(|table| literal.contains(table))
    };
    assert!(is_sql("INSERT INTO events") && !is_sql("update the price list"));
    for library in [
        "core",
        "runtime",
        "testing",
        "sqlite",
        "postgres",
        "macros",
        "composable-rust",
        "examples/order-processing",
    ] {
        for file in files(&root().join(library).join("src"), ".rs") {
            let source = fs::read_to_string(&file).unwrap();
            let mut literals = code(&source).flat_map(|line| line.split('"').skip(1).step_by(2));
            let found = literals.find(|literal| is_sql(literal));
            assert_eq!(found, None, "{}", file.display());
        }
    }
}

#[test]
fn a_file_of_sql_stands_where_it_belongs_and_says_what_it_promises() {
    for statement in files(&root(), ".sql") {
        let place = statement.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        assert!(place.starts_with("migrations/") || place.contains("/sql/"), "{place}");
        assert!(
            fs::read_to_string(&statement).unwrap().starts_with("--"),
            "{place} does not say what it promises"
        );
    }
}

#[test]
fn the_architecture_names_places_that_are_there() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    for place in quoted.filter(|quoted| quoted.contains('/') && !quoted.contains(['\n', ' '])) {
        assert!(
            root().join(place).exists(),
            "docs/ARCHITECTURE.md names {place}, which is not there"
        );
    }
}

#[test]
fn the_rules_of_the_runtime_name_tests_that_are_there() {
    let sources: Vec<_> = files(&root().join("runtime/tests"), ".rs");
    let tests: String = sources.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let is_test = |name: &str| {
        let declared = tests.find(&format!("fn {name}()"));
        declared.is_some_and(|at| {
            tests[..at]
                .trim_end_matches(|c: char| !"\n]".contains(c))
                .trim_end()
                .ends_with(']')
        })
    };
    let rules = fs::read_to_string(root().join("specs/runtime.md")).unwrap();
    let mut chapters = rules.split("\n## R").skip(1);
    assert_eq!(chapters.clone().count(), 15);
    for name in chapters
        .clone()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'))
    {
        assert!(is_test(name), "specs/runtime.md names {name}, which is no test");
    }
    assert!(
        chapters.all(|chapter| chapter.contains("\n- `")),
        "a rule without a test"
    );
}

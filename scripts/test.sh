#!/usr/bin/env bash
# Runs every test of the workspace: documentation examples, then unit, conformance and end-to-end tests.
# Needs cargo, a C compiler (SQLite is compiled from source) and PostgreSQL: the server in TEST_DATABASE_URL, or Docker,
# or the server binaries of this machine, which are installed where that is allowed. TEST_POSTGRES=url|docker|local
# forces one of them. Uses cargo-nextest where it is installed.
#
# Usage: scripts/test.sh [arguments for the runner, such as a test's name]
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }
missing() {
    echo "scripts/test.sh: $1 is missing: $2" >&2
    exit 1
}

command -v cargo >/dev/null || missing cargo "install Rust from https://rustup.rs"
command -v "${CC:-cc}" >/dev/null || missing "a C compiler" "install gcc or clang (SQLite is compiled from source)"

scripts/ensure-postgres.sh

say "documentation examples"
cargo test --quiet --workspace --all-features --doc

if cargo nextest --version >/dev/null 2>&1; then
    say "tests (cargo nextest)"
    cargo nextest run --workspace --all-features "$@"
else
    say "tests (cargo test)"
    cargo test --workspace --all-features --lib --bins --tests "$@"
fi

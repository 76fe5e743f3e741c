#!/usr/bin/env bash
# Brings the event store's schema in a PostgreSQL database up to date, as PostgresEventStore::migrate does: either may
# follow the other, several may run at once, and running again changes nothing. Needs psql, and a role that may create
# tables in the schema.
#
# Usage: scripts/migrate.sh [--schema NAME] [--no-type-index] [URL]
#
#   URL              postgres://user@host:port/database; default: $DATABASE_URL
#   --schema NAME    the schema that holds the store's tables; created if it is missing. Default: the role's search_path
#   --no-type-index  leave out the index on event_type, which the store itself never uses
set -euo pipefail

usage() { sed -n 's/^# \{0,1\}//; 2,/^set /p' "$0" | sed '/^set /d'; }
fail() {
    echo "migrate.sh: $1" >&2
    exit "${2:-1}"
}

url="${DATABASE_URL:-}" schema="" settings=""
while [ $# -gt 0 ]; do
    case "$1" in
    -h | --help) usage && exit 0 ;;
    --schema) schema="${2:?migrate.sh: --schema needs a name}" && shift ;;
    --no-type-index) settings="-c event_store.event_type_index=off" ;;
    -*) usage >&2 && fail "unknown option $1" 2 ;;
    *) url="$1" ;;
    esac
    shift
done
[ -n "$url" ] || { usage >&2 && fail "no URL is given, and DATABASE_URL is not set" 2; }
command -v psql >/dev/null || fail "psql is missing: install the PostgreSQL client (Debian: postgresql-client)"

migrations="$(cd "$(dirname "$0")/../migrations/postgres" && pwd)"
run() { PGOPTIONS="${PGOPTIONS:-} $settings" psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname "$url" "$@"; }

if [ -n "$schema" ]; then
    [[ "$schema" != *[[:cntrl:]]* ]] || fail "the name of a schema must not hold control characters" 2
    # Looks before it creates: who may not create schemas may still use one. psql quotes the name.
    run --set "schema=$schema" --output /dev/null <<'SQL' || fail "the schema could not be created"
SELECT format('CREATE SCHEMA IF NOT EXISTS %I', :'schema')
 WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = :'schema') \gexec
SQL
    quoted="\"${schema//\"/\"\"}\""
    quoted="${quoted//\\/\\\\}"
    settings="$settings -c search_path=${quoted// /\\ }"
fi

for file in "$migrations"/*.sql; do
    # One transaction a file: all of it, or nothing.
    run --single-transaction --output /dev/null --file "$file" 2> >(grep -v 'NOTICE:' >&2) || fail "$(basename "$file") failed"
    echo "$(basename "$file"): applied"
done

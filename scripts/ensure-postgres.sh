#!/usr/bin/env bash
# Makes sure that the tests find PostgreSQL, and says where they will find it: TEST_DATABASE_URL, Docker, or the server
# binaries of this machine. When there is nothing, installs the distribution's server package where it may: as root, or
# with a sudo that does not ask. No database cluster is created and no service is started by that.
#
# Usage: scripts/ensure-postgres.sh [url|docker|local]     (this one and no other; default: $TEST_POSTGRES)
set -euo pipefail

wanted=${1:-${TEST_POSTGRES:-}}
image=${TEST_POSTGRES_IMAGE:-postgres:17-alpine}

say() { printf 'PostgreSQL for the tests: %s\n' "$*"; }
fail() {
    printf 'PostgreSQL for the tests: %s\n' "$*" >&2
    exit 1
}

# The folder with the newest server, as the fixture looks for it.
server_binaries() {
    local folder
    for folder in \
        "$(command -v initdb | xargs -r dirname)" "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
        /usr/libexec/postgresql* /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /home/linuxbrew/.linuxbrew/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/*/bin /usr/local/pgsql/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            "$folder/postgres" --version | sed "s|\$| in $folder|"
        fi
    done | sort --version-sort | tail -n 1
}

engine_has_image() {
    command -v docker >/dev/null && docker info >/dev/null 2>&1 || return 1
    docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_server() {
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || return 1
    if command -v apt-get >/dev/null; then
        # Debian's package would create and start a cluster that nobody here needs.
        local setting=/etc/postgresql-common/createcluster.d/composable-rust-tests.conf code=0
        as_root mkdir -p "${setting%/*}"
        echo "create_main_cluster = false" | as_root tee "$setting" >/dev/null
        as_root apt-get update -qq &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql || code=$?
        as_root rm -f "$setting"
        return "$code"
    elif command -v dnf >/dev/null; then
        as_root dnf install -y -q postgresql-server postgresql-contrib
    elif command -v apk >/dev/null; then
        as_root apk add -q postgresql postgresql-client
    else
        return 1
    fi
}

local_server() {
    if [ -z "$(server_binaries)" ]; then
        say "none is here; installing the server package"
        install_server || fail "install the server's package (Debian, Ubuntu: postgresql; Fedora: postgresql-server; Alpine:" \
            "postgresql; macOS: brew install postgresql), or start Docker, or set TEST_DATABASE_URL"
    fi
    local found
    found=$(server_binaries)
    [ -n "$found" ] || fail "the package is installed, and initdb and postgres are not found"
    say "$found"
}

case "$wanted" in
    url)
        [ -n "${TEST_DATABASE_URL:-}" ] || fail "TEST_DATABASE_URL is not set"
        say "the server in TEST_DATABASE_URL"
        ;;
    docker)
        engine_has_image || fail "no Docker engine answers, or it cannot get $image (TEST_POSTGRES_IMAGE names another image)"
        say "Docker, $image"
        ;;
    local) local_server ;;
    "")
        if [ -n "${TEST_DATABASE_URL:-}" ]; then
            say "the server in TEST_DATABASE_URL"
        elif engine_has_image; then
            say "Docker, $image"
        else
            local_server
        fi
        ;;
    *) fail "TEST_POSTGRES is $wanted; it may be url, docker or local" ;;
esac

-- Which migrations a file has seen. Run before the others, every time they are run: it changes nothing where it stands.
-- The name is ours, so that an application with migrations of its own can keep its tables in the same file.
CREATE TABLE IF NOT EXISTS event_store_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

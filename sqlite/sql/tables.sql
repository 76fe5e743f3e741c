-- Which of our names a file knows, as tables or as something else. Read before any migration. Names of
-- tables are the same in upper and in lower case.
SELECT name
  FROM sqlite_schema
 WHERE lower(name) IN ('event_store_migrations', 'events', 'snapshots', 'snapshot_parts');

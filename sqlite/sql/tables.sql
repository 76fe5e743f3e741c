-- Which of our names a file knows, as tables or as something else. Read before any migration.
SELECT name
  FROM sqlite_schema
 WHERE name IN ('event_store_migrations', 'events', 'snapshots');

-- The newest migration that a file has seen. By the primary key.
SELECT coalesce(max(version), 0) AS version
  FROM event_store_migrations;

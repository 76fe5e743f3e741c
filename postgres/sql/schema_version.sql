-- The newest migration that the schema has seen. By event_store_migrations_pkey.
SELECT coalesce(max(version), 0)::bigint AS version
  FROM event_store_migrations;

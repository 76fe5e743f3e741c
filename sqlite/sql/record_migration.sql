-- Remembers a migration in the transaction that ran it.
INSERT INTO event_store_migrations (version, name, applied_at)
VALUES (?1, ?2, ?3);

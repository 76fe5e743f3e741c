-- The channel of this log, named after its table: one for each schema, as notify.sql has it. By no index.
SELECT 'events_' || 'events'::regclass::oid;

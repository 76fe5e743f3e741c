-- Fails, unless the INSERT before it has inserted ?1 rows: a trigger of an application can drop rows silently, and the
-- store would acknowledge events that are not there. SQLite has no statement that only fails; text that is not JSON does.
SELECT json('{') WHERE changes() <> ?1;

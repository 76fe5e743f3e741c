-- The event store: the log, its snapshots, and what the log knows of itself. Applied as one transaction, by the library,
-- by scripts/migrate.sh or by any other tool; applied again, it changes nothing. Everything is created in the first
-- schema of the search_path. To partition the log, create `events` before, as docs/database-setup.md says: whatever
-- is there already is left as it is. Needs PostgreSQL 14 or newer and the right to create tables in the schema, no more.

-- Migrators take turns, whoever they are: a second one finds everything done.
SELECT pg_advisory_xact_lock(4921057309116672011);

CREATE TABLE IF NOT EXISTS event_store_migrations (
    version    INTEGER     NOT NULL PRIMARY KEY,
    name       TEXT        NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- What may stand in the columns of the log. As domains, whose conditions a session keeps ready: those of a table are read
-- and planned again by every statement that inserts, which took a tenth to a fifth of the server's time for a single event. Created
-- all or none.
DO $$
BEGIN
    CREATE DOMAIN event_version AS BIGINT CHECK (VALUE >= 1);
    CREATE DOMAIN event_count AS INTEGER CHECK (VALUE >= 1);
    CREATE DOMAIN event_name AS TEXT COLLATE "C" CHECK (VALUE <> '');
    CREATE DOMAIN event_metadata AS JSONB CHECK (jsonb_typeof(VALUE) = 'object');
EXCEPTION
    WHEN duplicate_object THEN NULL;
END $$;

-- A default and not an identity, which partitions do not inherit. Not cached: a session's cache would hold low numbers back.
CREATE SEQUENCE IF NOT EXISTS events_position AS BIGINT CACHE 1;

-- Fixed widths first, so that no byte is lost to alignment. Names are compared by bytes, whatever the database's language:
-- immune to changes of the system's collations, and in the order in which appends take their locks.
CREATE TABLE IF NOT EXISTS events (
    version        event_version  NOT NULL,                                      -- place in the stream: 1, 2, 3, no gap
    position       BIGINT         NOT NULL DEFAULT nextval('events_position'),
    transaction_id XID8           NOT NULL DEFAULT pg_current_xact_id(),
    created_at     TIMESTAMPTZ    NOT NULL DEFAULT statement_timestamp(),        -- the database's clock, and no order
    event_id       UUID           NOT NULL,
    command_id     UUID,                                                         -- on the first event of a command
    command_events event_count,                                                  -- how many events the command has
    generation     SMALLINT       NOT NULL DEFAULT 1,                            -- which cluster gave the transaction_id
    encoding       SMALLINT       NOT NULL,
    stream_id      event_name     NOT NULL,
    event_type     event_name     NOT NULL,
    event_data     BYTEA          NOT NULL,
    metadata       event_metadata,
    CONSTRAINT events_by_version PRIMARY KEY (stream_id, version)
);

-- What each index costs an append was measured with batches of 100 events, 20,000 at a time in turns with and without it, on
-- PostgreSQL 15 with 0.2 to 0.5 million events: the server's processor time, 0.013 ms an event with all of them, and the
-- write-ahead log, 850 bytes an event with all of them.

-- Ids are unique within a stream; ordered by time, so that the newest lie side by side in the index. 5 % of the time, 170
-- bytes of log.
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (event_id, stream_id);
-- A command's events are stored once in a stream. Nothing for events without a command.
CREATE UNIQUE INDEX IF NOT EXISTS events_by_command ON events (command_id, stream_id) WHERE command_id IS NOT NULL;
-- The order in which the whole log is read; always written at its end. 6 % of the time, 100 bytes of log.
CREATE INDEX IF NOT EXISTS events_in_order ON events (generation, transaction_id, position);
-- For questions about time; no statement of the store uses it. 24 kB for half a million events, no time and next to no log
-- that could be measured, where a B-tree took 10 % of the time, 65 bytes of log, and 130 times the space.
CREATE INDEX IF NOT EXISTS events_by_created_at ON events USING brin (created_at);
-- For questions of people; no statement of the store uses it. 3 % of the time, 75 bytes of log. Left out by
-- `SET event_store.event_type_index = 'off'`, and not created again when somebody has dropped it.
DO $$
BEGIN
    IF current_setting('event_store.event_type_index', true) IS DISTINCT FROM 'off'
       AND NOT EXISTS (SELECT FROM event_store_migrations WHERE version = 1) THEN
        CREATE INDEX IF NOT EXISTS events_by_type ON events (event_type);
    END IF;
END $$;

-- Accelerators: replaced by newer ones, and lost without harm.
CREATE TABLE IF NOT EXISTS snapshots (
    version    BIGINT      NOT NULL CHECK (version >= 0),
    schema     BIGINT      NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT statement_timestamp(),
    stream_id  TEXT        COLLATE "C" NOT NULL PRIMARY KEY,
    state_data BYTEA       NOT NULL
);

-- The identity of this cluster; NULL where the role is not allowed to ask for it.
CREATE OR REPLACE FUNCTION event_store_cluster() RETURNS BIGINT LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        RETURN (SELECT system_identifier FROM pg_catalog.pg_control_system());
    END IF;
    RETURN NULL;
END $$;

-- One row: the cluster whose transaction ids the log holds, where it is known, and how often the log has moved.
CREATE TABLE IF NOT EXISTS event_log (
    single            BOOLEAN  NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    system_identifier BIGINT,
    generation        SMALLINT NOT NULL CHECK (generation >= 1)
);
INSERT INTO event_log (system_identifier, generation)
SELECT event_store_cluster(), 1
    ON CONFLICT DO NOTHING;

-- Takes a log over that another cluster has written: restored from a dump, brought along by an upgrade, or the end of a
-- logical replication. Transaction ids of two clusters do not compare, so those to come belong to a new generation, which
-- stands behind the old one; all that is stored keeps its place. Changes nothing where the log is this cluster's.
-- Needs the owner of events; whoever writes waits for it.
CREATE OR REPLACE FUNCTION event_store_adopt() RETURNS SMALLINT LANGUAGE plpgsql AS $$
DECLARE
    log       event_log;
    newest    XID8;
    following SMALLINT;
BEGIN
    PERFORM pg_advisory_xact_lock(4921057309116672011);
    SELECT * INTO log FROM event_log;
    SELECT transaction_id INTO newest
      FROM events
     WHERE generation = log.generation
     ORDER BY transaction_id DESC
     LIMIT 1;
    -- Who may not ask which cluster this is has the transaction ids to go by.
    IF (log.system_identifier IS NOT DISTINCT FROM event_store_cluster() OR event_store_cluster() IS NULL)
       AND log.generation IS NOT NULL
       AND coalesce(newest < pg_snapshot_xmax(pg_current_snapshot()), true) THEN
        RETURN log.generation;
    END IF;
    following := coalesce((SELECT max(generation) FROM events), 0) + 1;
    following := greatest(following, coalesce(log.generation, 0) + 1);
    EXECUTE format('ALTER TABLE events ALTER COLUMN generation SET DEFAULT %s', following);
    INSERT INTO event_log (system_identifier, generation) VALUES (event_store_cluster(), following)
        ON CONFLICT (single) DO UPDATE
       SET system_identifier = excluded.system_identifier, generation = excluded.generation;
    RETURN following;
END $$;

-- Ends a statement that has inserted fewer events than it should have, because a trigger drops rows: what is acknowledged
-- would not be there. Called by the store's statements.
CREATE OR REPLACE FUNCTION event_store_incomplete(inserted BIGINT, expected BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'only % of % events were inserted: a trigger on the table drops rows', inserted, expected
          USING ERRCODE = 'triggered_action_exception';
END $$;

CREATE OR REPLACE FUNCTION event_store_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;

-- Rows that a replication inserts have the transaction ids and positions of their publisher, and readers of the log that are
-- ahead of them would never see them.
CREATE OR REPLACE FUNCTION event_store_refuse_replica() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event store does not take events from a replication: readers of the log would miss them'
          USING ERRCODE = 'restrict_violation',
                HINT = 'To copy a log that nothing reads here yet, run ALTER TABLE events DISABLE TRIGGER '
                       'events_are_not_replicated, and after the copy ALTER TABLE events ENABLE REPLICA TRIGGER '
                       'events_are_not_replicated and SELECT event_store_adopt().';
END $$;

-- The log is immutable by the database's own rules. On every partition too, and always: otherwise a partition's own name,
-- and sessions in the role of a replica, lead past it. No rule instead of the trigger: it would be silent. Sessions in the
-- role of a replica (the workers of a subscription, most tools that copy tables) may not insert either.
CREATE OR REPLACE FUNCTION event_store_protect(log regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER events_are_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION event_store_refuse()', log);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER events_are_immutable', log);
    -- For each row, since the workers of a subscription run no statement. A partition has it from its parent.
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = log AND tgname = 'events_are_not_replicated') THEN
        EXECUTE format('CREATE TRIGGER events_are_not_replicated BEFORE INSERT ON %s '
                       'FOR EACH ROW EXECUTE FUNCTION event_store_refuse_replica()', log);
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER events_are_not_replicated', log);
END $$;
SELECT event_store_protect(relid) FROM pg_partition_tree('events')
 UNION ALL
SELECT event_store_protect('events') WHERE NOT EXISTS (SELECT FROM pg_partition_tree('events'));

INSERT INTO event_store_migrations (version, name) VALUES (1, 'events')
    ON CONFLICT DO NOTHING;

-- The log: append-only, dense, and guarded by the database itself, whoever opens the file.

CREATE TABLE events (
    position       INTEGER PRIMARY KEY,                                -- place in the whole log: 1, 2, 3, without a gap
    stream_id      TEXT    NOT NULL CHECK (stream_id <> ''),
    version        INTEGER NOT NULL CHECK (version >= 1),              -- place in the stream: 1, 2, 3, without a gap
    event_id       BLOB    NOT NULL CHECK (length(event_id) = 16),
    event_type     TEXT    NOT NULL CHECK (event_type <> ''),
    encoding       INTEGER NOT NULL,
    event_data     BLOB    NOT NULL,
    metadata       TEXT    CHECK (json_type(metadata) = 'object'),
    command_id     BLOB    CHECK (length(command_id) = 16),            -- on the first event of a command
    command_events INTEGER CHECK (command_events >= 1),                -- how many events the command has
    recorded_at    INTEGER NOT NULL,                                   -- microseconds since 1970, no order
    CHECK ((command_id IS NULL) = (command_events IS NULL))
) STRICT;

-- Unique within a stream, all three. Ids come first because they are ordered by time: the newest lie side by side,
-- so that a commit of many streams writes one page of these indexes and not one for each stream.
CREATE UNIQUE INDEX events_by_version ON events (stream_id, version);
CREATE UNIQUE INDEX events_by_id ON events (event_id, stream_id);
CREATE UNIQUE INDEX events_by_command ON events (command_id, stream_id) WHERE command_id IS NOT NULL;

-- Density, and the end of INSERT OR REPLACE: it deletes what it collides with and fires no DELETE trigger, so
-- whatever it could collide with is refused before. The unique indexes stand behind this; they alone would be replaced.
CREATE TRIGGER events_are_appended BEFORE INSERT ON events
BEGIN
    SELECT RAISE(ABORT, 'events are appended at the next position')
     WHERE NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events);
    SELECT RAISE(ABORT, 'events are appended at the next version of their stream')
     WHERE NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream_id = NEW.stream_id);
    SELECT RAISE(ABORT, 'the stream holds an event with this id')
     WHERE EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND event_id = NEW.event_id);
    SELECT RAISE(ABORT, 'the stream holds the events of this command')
     WHERE NEW.command_id IS NOT NULL
       AND EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND command_id = NEW.command_id);
END;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are not changed');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are not deleted');
END;

-- Accelerators: replaced by newer ones, and lost without harm.
CREATE TABLE snapshots (
    stream_id  TEXT    NOT NULL PRIMARY KEY,
    version    INTEGER NOT NULL CHECK (version >= 0),
    state_data BLOB    NOT NULL,
    schema     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Events whose places have been decided; the triggers check them again. What stands in braces is a number of rows of parameters,
-- of which those that are not bound (all NULL) are left out: a few prepared statements serve any number of events.
INSERT INTO events (position, stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id,
                    command_events, recorded_at)
SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL;

-- A stream, without all that is not its data.
SELECT version, event_data FROM bare_log WHERE stream_id = $1 ORDER BY version;

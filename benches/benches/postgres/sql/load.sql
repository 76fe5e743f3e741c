-- A stream.
SELECT position, stream_id, version, event_id, event_type, event_data, metadata::text, created_at
  FROM bare_log WHERE stream_id = $1 ORDER BY version;

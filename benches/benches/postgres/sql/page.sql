-- A page of the log.
SELECT position, stream_id, version, event_id, event_type, event_data, metadata::text, created_at
  FROM bare_log WHERE position > $1 ORDER BY position LIMIT 1000;

-- The store's events, for the bare reader.
INSERT INTO bare_log (stream_id, version, event_id, event_type, event_data, metadata)
SELECT stream_id, version, event_id, event_type, event_data, metadata
  FROM events ORDER BY generation, transaction_id, position;

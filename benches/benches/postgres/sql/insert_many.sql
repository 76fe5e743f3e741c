-- Many events of one stream, into a table with the columns and indexes of the store's.
INSERT INTO bare_events (stream_id, version, event_id, event_type, encoding, event_data, metadata)
SELECT $1, event.version, event.id, event.type, 1, event.data, event.metadata::jsonb
  FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::bytea[], $6::text[]) AS event (version, id, type, data, metadata);

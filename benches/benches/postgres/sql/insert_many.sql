-- Many events of one stream.
INSERT INTO bare (stream_id, version, event_type, event_data, metadata)
SELECT $1, event.version, event.type, event.data, event.metadata::jsonb
  FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::text[]) AS event (version, type, data, metadata);

-- One event.
INSERT INTO bare (stream_id, version, event_type, event_data, metadata) VALUES ($1, $2, $3, $4, $5::text::jsonb);

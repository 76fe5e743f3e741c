-- One event, judged and written by one statement that commits itself; no row means that it was not written.
-- ?2 is 0 for any version, 1 for exactly ?3, 2 for an existing stream. By events_by_version and the primary key.
-- Materialized, so that the condition is not pushed into the search for the head: that would walk the whole stream.
WITH head AS MATERIALIZED (
    SELECT coalesce(max(version), 0) AS version FROM events WHERE stream_id = ?1
)
INSERT INTO events (position, stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id,
                    command_events, recorded_at)
SELECT (SELECT coalesce(max(position), 0) + 1 FROM events), ?1, head.version + 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
  FROM head
 WHERE CASE ?2 WHEN 0 THEN 1 WHEN 1 THEN head.version = ?3 ELSE head.version > 0 END
RETURNING version, position;

-- The events of command $2 in the stream $1: its first one says how many there are. By events_by_command and
-- events_by_version, one seek each. The name of the stream is not sent back.
WITH mark AS MATERIALIZED (
    SELECT version, command_events FROM events WHERE stream_id = $1 AND command_id = $2
)
SELECT generation, transaction_id, position, event_id, NULL::text AS stream_id, version, event_type, encoding, event_data, metadata,
       command_id, command_events, created_at
  FROM events
 WHERE stream_id = $1
   AND version >= (SELECT version FROM mark)
   AND version < (SELECT version + coalesce(command_events, 1) FROM mark)
 ORDER BY version;

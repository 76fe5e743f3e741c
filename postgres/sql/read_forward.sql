-- A page of a stream from version $2 on, itself included. By events_by_version, in its order.
-- The name of the stream is not sent back.
SELECT generation, transaction_id, position, event_id, NULL::text AS stream_id, version, event_type, encoding, event_data, metadata,
       command_id, command_events, created_at
  FROM events
 WHERE stream_id = $1
   AND version >= $2
 ORDER BY version
 LIMIT $3;

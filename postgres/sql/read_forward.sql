-- A page of a stream from version $2 on, itself included. By events_by_version, in its order.
SELECT generation, transaction_id, position, event_id, stream_id, version, event_type, encoding, event_data, metadata,
       command_id, command_events, created_at
  FROM events
 WHERE stream_id = $1
   AND version >= $2
 ORDER BY version
 LIMIT $3;

-- The events from version ?2 to ?3 of a stream, to recognise an append that is sent again. By events_by_version.
SELECT position, stream_id, version, event_id, event_type, encoding, event_data, metadata, command_id, command_events,
       recorded_at
  FROM events
 WHERE stream_id = ?1
   AND version BETWEEN ?2 AND ?3
 ORDER BY version;

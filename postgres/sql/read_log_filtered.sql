-- As read_log.sql, but of the next 4096 events only those of the categories $5 and of the types $6, where these are not NULL.
-- The last row is the last event that was looked at, wanted or not: one without a name of its type is not wanted, and sent
-- without its data. By events_in_order: that bounds the work, however little is wanted. `lead` without an order of its own
-- takes the rows as the subqueries sorted them, in half the time.
WITH readable AS MATERIALIZED (
    SELECT generation, pg_snapshot_xmin(pg_current_snapshot()) AS transaction_id FROM event_log LIMIT 1
), start AS MATERIALIZED (
    SELECT CASE WHEN $1::smallint = generation THEN $2::xid8 ELSE '0'::xid8 END AS transaction_id,
           CASE WHEN $1 = generation THEN $3::bigint ELSE 0::bigint END AS position
      FROM readable
)
SELECT $1 AS generation, $2 AS transaction_id, $3 AS position,
       (SELECT event_id FROM events WHERE generation = $1 AND transaction_id = $2 AND position = $3) AS event_id,
       '' AS stream_id,
       (pg_is_in_recovery() AND ($1, $2) >= (readable.generation, readable.transaction_id))::int::bigint AS version,
       NULL::text AS event_type, 0::smallint AS encoding, NULL::bytea AS event_data, NULL::jsonb AS metadata,
       NULL::uuid AS command_id, NULL::integer AS command_events, NULL::timestamptz AS created_at
  FROM readable
UNION ALL
(SELECT generation, transaction_id, position, event_id, stream_id, version,
        CASE WHEN wanted THEN event_type END, encoding, CASE WHEN wanted THEN event_data END,
        CASE WHEN wanted THEN metadata END, command_id, command_events, created_at
   FROM (
    SELECT *, lead(position) OVER () IS NULL AS is_last,
           ($5::text[] IS NULL OR split_part(stream_id, '-', 1) = ANY($5))
           AND ($6::text[] IS NULL OR event_type = ANY($6)) AS wanted
      FROM (
        SELECT * FROM (
            (SELECT * FROM (
                SELECT generation, transaction_id, position, event_id, stream_id, version, event_type, encoding, event_data, metadata,
                       command_id, command_events, created_at
                  FROM events
                 WHERE (SELECT $1 < generation FROM readable)
                   AND (generation, transaction_id, position) > ((SELECT $1), (SELECT $2), (SELECT $3))
                   AND generation < (SELECT generation FROM readable)
                 ORDER BY generation, transaction_id, position
                 LIMIT 4096) AS older
              LIMIT (SELECT 4096))
            UNION ALL
            (SELECT * FROM (
                SELECT generation, transaction_id, position, event_id, stream_id, version, event_type, encoding, event_data, metadata,
                       command_id, command_events, created_at
                  FROM events
                 WHERE (SELECT $1 <= generation FROM readable)
                   AND generation = (SELECT generation FROM readable)
                   AND (transaction_id, position) > ((SELECT transaction_id FROM start), (SELECT position FROM start))
                   AND transaction_id < (SELECT transaction_id FROM readable)
                 ORDER BY transaction_id, position
                 LIMIT 4096) AS current
              LIMIT (SELECT 4096))) AS page
         LIMIT 4096) AS scanned) AS judged
  WHERE wanted OR is_last
  LIMIT (SELECT $4::bigint));

-- A page of the log after ($1, $2, $3), at most $4 events, below the oldest running transaction: a lower one may still
-- commit, and the log is never read past it. Transaction ids of older generations are another cluster's, and all readable.
-- Before the events, always: the id of the event at ($1, $2, $3), NULL where there is none, and in place of the version 1 if
-- it may still come, since this is a standby that has not heard of it yet. By events_in_order, over partitions in a merge.
-- Generations apart: only then does the scan of the index end at the oldest running transaction, and not at its end.
-- Parameters as subqueries: no guess at their values leads the planner away from the index. The constant limits keep its
-- estimates low in a log of any size, and the others make it want few rows soon in a small one.
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
       '' AS event_type, 0::smallint AS encoding, NULL::bytea AS event_data, NULL::jsonb AS metadata,
       NULL::uuid AS command_id, NULL::integer AS command_events, NULL::timestamptz AS created_at
  FROM readable
UNION ALL
(SELECT * FROM (
    (SELECT * FROM (
        SELECT generation, transaction_id, position, event_id, stream_id, version, event_type, encoding, event_data, metadata,
               command_id, command_events, created_at
          FROM events
         WHERE (SELECT $1 < generation FROM readable)
           AND (generation, transaction_id, position) > ((SELECT $1), (SELECT $2), (SELECT $3))
           AND generation < (SELECT generation FROM readable)
         ORDER BY generation, transaction_id, position
         LIMIT 4096) AS older
      LIMIT (SELECT $4::bigint))
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
      LIMIT (SELECT $4::bigint))) AS page
  LIMIT $4);

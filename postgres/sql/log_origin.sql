-- Whose transaction ids the log holds, and whether this cluster's may follow them: an id that the cluster has yet to give
-- says that another one gave it. Always one row. By events_in_order, one seek.
SELECT event_log.generation, event_log.system_identifier AS written_by, event_store_cluster() AS cluster,
       newest.transaction_id AS newest, pg_snapshot_xmax(pg_current_snapshot()) AS next,
       EXISTS (SELECT FROM pg_subscription_rel
                WHERE srrelid = 'events'::regclass
                   OR srrelid IN (SELECT relid FROM pg_partition_tree('events'))) AS is_subscribed
  FROM (VALUES (1)) AS one
  LEFT JOIN event_log ON true
  LEFT JOIN LATERAL (
       SELECT transaction_id
         FROM events
        WHERE events.generation = event_log.generation
        ORDER BY transaction_id DESC
        LIMIT 1) AS newest ON true;

-- The transactions that readers of the log wait for, the oldest first: those that run, have an id, and are older than the
-- newest stored event. From pg_locks, which everybody may see whole, sessions of other roles and prepared transactions
-- included; what such a session does only members of pg_read_all_stats see. By events_in_order, one seek.
WITH newest AS MATERIALIZED (
    SELECT transaction_id::xid AS id
      FROM (SELECT transaction_id
              FROM events
             WHERE generation = (SELECT generation FROM event_log LIMIT 1)
             ORDER BY transaction_id DESC, position DESC
             LIMIT 1) AS last
     WHERE transaction_id >= pg_snapshot_xmin(pg_current_snapshot())
), running AS MATERIALIZED (
    -- A subtransaction holds a lock on its own id: the oldest of a session is the transaction's.
    SELECT DISTINCT ON (virtualtransaction) pid, transactionid AS id
      FROM pg_locks
     WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted
     ORDER BY virtualtransaction, age(transactionid) DESC
)
SELECT running.pid,
       prepared.gid,
       coalesce(session.datname, prepared.database)::text AS database,
       coalesce(session.usename, prepared.owner)::text AS role,
       nullif(session.application_name, '') AS application,
       session.state,
       CASE WHEN session.xact_start IS NOT NULL THEN session.query END AS query,
       extract(epoch FROM clock_timestamp() - coalesce(session.xact_start, prepared.prepared))::float8 AS age
  FROM newest
  JOIN running ON age(running.id) >= age(newest.id)
  LEFT JOIN pg_stat_activity AS session ON session.pid = running.pid
  LEFT JOIN pg_prepared_xacts AS prepared ON running.pid IS NULL AND prepared.transaction = running.id
 ORDER BY age(running.id) DESC;

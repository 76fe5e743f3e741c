-- Locks the streams $1 until the end of the transaction, exclusively where $2 says so. In the order of their keys, so that
-- lockers who meet never deadlock; a key once, so that nobody waits for himself. The next statement sees whatever the
-- holders before it have committed. Keys hold the table's identity: schemas of one database do not wait for each other.
SELECT CASE WHEN exclusive THEN pg_advisory_xact_lock(key) ELSE pg_advisory_xact_lock_shared(key) END
  FROM (SELECT hashtextextended(stream_id, 'events'::regclass::oid::bigint) AS key, bool_or(exclusive) AS exclusive
          FROM unnest($1::text[], $2::boolean[]) AS given (stream_id, exclusive)
         GROUP BY 1
         ORDER BY 1
        OFFSET 0) AS sorted;

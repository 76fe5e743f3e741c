-- The level at which the session's transaction runs, and the log that it leads to: the cluster, the database, and the schema
-- in which the search_path finds the table of events. By no index of the store's.
SELECT current_setting('transaction_isolation') AS isolation,
       event_store_cluster() AS cluster,
       current_database()::text AS database,
       (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_oid,
       (SELECT nspname::text
          FROM pg_class
          JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE pg_class.oid = to_regclass('events')) AS schema;

-- What a store has to know of its server and of its session before it relies on them: also in which schema the search_path
-- finds a log, and whether it finds parts of it in another one. By nothing: no table of the store's is read.
SELECT current_setting('server_version_num')::integer AS server_version,
       current_setting('server_encoding') AS encoding,
       current_setting('transaction_isolation') AS isolation,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_schema()::text AS schema,
       (SELECT nspname::text
          FROM pg_class
          JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE pg_class.oid = to_regclass('event_store_migrations')) AS log,
       (SELECT count(DISTINCT relnamespace) > 1
          FROM pg_class
         WHERE oid IN (to_regclass('events'), to_regclass('snapshots'), to_regclass('event_log'),
                       to_regclass('event_store_migrations'))) AS is_scattered;

-- What a store has to know of its server and of its session before it relies on them. By nothing: no table is read.
SELECT current_setting('server_version_num')::integer AS server_version,
       current_setting('server_encoding') AS encoding,
       current_setting('transaction_isolation') AS isolation,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_schema()::text AS schema,
       to_regclass('event_store_migrations') IS NOT NULL AS is_migrated;

-- Copies the write-ahead log into the database file as far as no reader needs it, and waits for nobody: TRUNCATE would
-- hold up appends until every reader, of other processes too, is done. The next commit then starts the log over, and
-- journal_size_limit cuts it back.
PRAGMA wal_checkpoint(PASSIVE);

-- Moves the write-ahead log into the database file and empties it. Answers at once where a reader is in the way.
PRAGMA wal_checkpoint(TRUNCATE);

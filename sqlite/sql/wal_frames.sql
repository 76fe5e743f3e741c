-- How many pages SQLite counts in the write-ahead log (`log`), without moving any.
PRAGMA wal_checkpoint(NOOP);

-- Takes the write lock at once: a transaction that reads first fails with BUSY_SNAPSHOT as soon as another one wrote.
BEGIN IMMEDIATE;

-- Write-ahead logging: readers and the writer do not wait for each other. A new file is switched to it once.
PRAGMA journal_mode = WAL;

-- Large snapshots are saved in parts, each by a transaction of its own, so that appends need not wait for all of them.

ALTER TABLE snapshots ADD COLUMN part_count INTEGER NOT NULL DEFAULT 0;    -- 0: the snapshot is in state_data
ALTER TABLE snapshots ADD COLUMN save_id BLOB;                             -- names the parts

-- Parts that no snapshot names are rubbish, which the next save for their stream removes.
CREATE TABLE snapshot_parts (
    stream_id TEXT    NOT NULL,
    save_id   BLOB    NOT NULL,
    part      INTEGER NOT NULL,
    part_data BLOB    NOT NULL,
    PRIMARY KEY (stream_id, save_id, part)
) STRICT;

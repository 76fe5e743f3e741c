-- Deletes one part of a stream that does not belong to its snapshot: of a snapshot that was replaced or deleted, or of a
-- save that did not come to its end. One at a time, so that appends wait for no more. By the primary keys.
DELETE FROM snapshot_parts
 WHERE rowid = (SELECT rowid
                  FROM snapshot_parts
                 WHERE stream_id = ?1
                   AND save_id IS NOT (SELECT save_id FROM snapshots WHERE stream_id = ?1)
                 LIMIT 1);

-- A part of a large snapshot that is being saved. Invisible until finish_snapshot.sql. By snapshot_parts' primary key.
INSERT INTO snapshot_parts (stream_id, save_id, part, part_data)
VALUES (?1, ?2, ?3, ?4);

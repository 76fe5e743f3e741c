-- A page in one value: the driver copies each value of each row and hands each row over, which takes several times as
-- long as finding them. Of a row: nine numbers, and then what the four lengths among them count, as it is stored. NULL is
-- as long as nothing. Of a row with more bytes than {largest}, only '!', so that the value stays small; decided where the
-- row is found, so that nothing of it is read. The index is the page's own. In a database of UTF-16 text is converted, and
-- bytes in it are, too: there every row counts as too large.
SELECT CASE WHEN octet_length('a') = 1 THEN CAST(group_concat(event, '') AS BLOB) ELSE x'21' END
  FROM (
SELECT CASE WHEN octet_length('a') = 1 AND octet_length(event_data) + ifnull(octet_length(metadata), 0) <= {largest} THEN
         format('%d %d %d %d %d %d %d %d %d ', position, version, recorded_at, encoding, command_events,
                octet_length({stream_id}), octet_length(event_type), octet_length(metadata), octet_length(event_data))
         || (event_id || ifnull(command_id, '') || ifnull({stream_id}, '') || event_type || ifnull(metadata, ''))
         || event_data
       ELSE '!' END AS event
{page});

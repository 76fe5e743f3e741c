-- A page in one value: the driver copies each value of each row and hands each row over, which takes several times as
-- long as finding them. Of a row: nine numbers, and then what the four lengths among them count, as it is stored; a ';'
-- between two rows. Of a row with more bytes than {largest}, only '!', so that the value stays small; decided where the
-- row is found, so that nothing of it is read. The index is the page's own. In a database of UTF-16 text is converted, and
-- bytes in it are, too: there every row counts as too large.
-- A column that the schema has filled is not filled in a broken file alone. What is put together with NULL is NULL, which
-- group_concat leaves out: such a row is '!', so that whoever reads it as a row says what it lacks. %s and not %d, which
-- makes a number of anything.
SELECT CASE WHEN octet_length('a') = 1 THEN CAST(group_concat(event, ';') AS BLOB) ELSE x'21' END
  FROM (
SELECT CASE WHEN octet_length('a') = 1 AND octet_length(event_data) + ifnull(octet_length(metadata), 0) <= {largest} THEN
         ifnull(
           format('%s %s %s %s %s %d %d %d %d ', position, version, recorded_at, encoding, ifnull(command_events, 0),
                  octet_length({stream_id}), octet_length(event_type), octet_length(metadata), octet_length(event_data))
           || (event_id || CASE WHEN command_events > 0 THEN command_id ELSE '' END || ifnull({stream_id}, '')
               || event_type || ifnull(metadata, ''))
           || event_data,
           '!')
       ELSE '!' END AS event
{page});

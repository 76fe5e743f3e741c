-- Fact 3: which of the commands the stream holds already, where their first event is and how many they have.
-- By events_by_command, one seek a command.
WITH asked AS MATERIALIZED (
    SELECT key, value ->> 'stream' AS stream, value -> 'commands' AS commands FROM json_each(?1)
)
SELECT 3 AS fact, asked.key AS entry, stored.version, stored.position, stored.command_id AS id,
       stored.command_events AS events
  FROM asked
 CROSS JOIN json_each(asked.commands) AS command
 CROSS JOIN events AS stored
    ON stored.stream_id = asked.stream
   AND stored.command_id = unhex(command.value)
   AND stored.command_id IS NOT NULL;

-- What is asked and done outside of play: by migrations, and after a backup was restored. See queries.sql
-- for the form.

-- name: database_owner
SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database();

-- name: has_role
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1);

-- name: others_connected
-- Connections of this program to this database, but for this one's own.
SELECT count(*)
  FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'haversack' AND pid <> pg_backend_pid();

-- name: outlive_former_sessions
-- Nobody can tell any more what was told after the backup: epochs that flushes still hold, incarnations that
-- stand in tags. Both go on above all of them, by the clock, which is ahead of what loads can count to, and
-- further with every backup that is restored. $1: characters to do, from the id $2 on.
WITH chunk AS (
    SELECT char_id FROM characters WHERE char_id > $2 ORDER BY char_id LIMIT $1 FOR NO KEY UPDATE
), outlived AS (
    UPDATE characters AS c
       SET epoch = greatest(c.epoch + 1, extract(epoch FROM now())::bigint),
           incarnation = greatest(c.incarnation + 1, extract(epoch FROM now())::bigint),
           open = false
      FROM chunk
     WHERE c.char_id = chunk.char_id
    RETURNING c.char_id
)
SELECT count(*) AS characters, max(char_id::text)::uuid AS last FROM outlived;

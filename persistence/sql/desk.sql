-- What support staff and operators do with one character.

-- name: desk_lock
-- The lock keeps loads and flushes waiting, so what is read under it stays true until the end.
SELECT char_id, name, actor, epoch, open, incarnation, seq,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_at, quarantined
  FROM characters
 WHERE char_id = $1
   FOR NO KEY UPDATE;

-- name: desk_items_of_others
-- $1: character. $2: ids.
SELECT item_id, owner FROM items WHERE item_id = ANY ($2::uuid[]) AND owner <> $1 ORDER BY item_id;

-- name: desk_overtake
-- $2, $3: the least epoch to go beyond, and the least incarnation to have. A session may know of higher
-- ones than a database that was restored from a backup.
UPDATE characters
   SET epoch = greatest(epoch, $2) + 1,
       incarnation = greatest(incarnation + 1, $3),
       open = false,
       quarantined = NULL
 WHERE char_id = $1
RETURNING char_id, name, actor, epoch, open, incarnation, seq,
          (extract(epoch FROM created_at) * 1000)::bigint AS created_at;

-- name: desk_quarantined
SELECT char_id::text, name, quarantined
  FROM characters
 WHERE quarantined IS NOT NULL
 ORDER BY char_id;

-- name: desk_incidents
SELECT incident_id, (extract(epoch FROM at) * 1000)::bigint AS at, reason, entries
  FROM incidents
 WHERE char_id = $1
 ORDER BY incident_id;

-- name: desk_set_aside
-- Once, however often it is tried: who repeats a repair that was cut off sets the same entries aside again.
INSERT INTO incidents (char_id, reason, entries)
SELECT $1, $2, $3
 WHERE NOT EXISTS (SELECT FROM incidents WHERE char_id = $1 AND entries = $3);

-- name: desk_mark
SELECT quarantined FROM characters WHERE char_id = $1;

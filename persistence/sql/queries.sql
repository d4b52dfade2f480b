-- Every statement of the program, by name; a line "-- name: x" begins one.
-- Times cross as Unix milliseconds, uuids as uuids, jsonb as bytes of JSON.

-- name: ping
SELECT 1;

-- name: create_character
-- No row comes back when the id is taken.
INSERT INTO characters (char_id, name, actor)
VALUES ($1, $2, $3)
ON CONFLICT (char_id) DO NOTHING
RETURNING char_id, name, actor, epoch, open, incarnation, seq,
          (extract(epoch FROM created_at) * 1000)::bigint AS created_at;

-- name: character
SELECT char_id, name, actor, epoch, open, incarnation, seq,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_at
  FROM characters
 WHERE char_id = $1;

-- name: characters
-- $1: id to begin after, or null. $2: how many.
SELECT char_id, name, actor, epoch, open, incarnation, seq,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_at
  FROM characters
 WHERE char_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid)
 ORDER BY char_id
 LIMIT $2;

-- name: characters_by_name
-- $1 and $2 as above. $3: beginning of the name, with what LIKE takes for a wildcard escaped.
SELECT char_id, name, actor, epoch, open, incarnation, seq,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_at
  FROM characters
 WHERE char_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid)
   AND lower(name) LIKE lower($3) || '%'
 ORDER BY char_id
 LIMIT $2;

-- name: begin_load
-- "open" on the right is the value from before: a character found open has a new incarnation.
UPDATE characters
   SET epoch = epoch + 1,
       incarnation = incarnation + open::integer,
       open = true
 WHERE char_id = $1
RETURNING char_id, name, actor, epoch, open, incarnation, seq,
          (extract(epoch FROM created_at) * 1000)::bigint AS created_at, quarantined, line;

-- name: items_of
-- A statement of its own after begin_load, never a part of it: one statement reads from one
-- snapshot, taken before it waited for a flush that held the head, and would miss what that wrote.
SELECT item_id, template_id, quantity, container, slot, bound, locked, held
  FROM items
 WHERE owner = $1
 ORDER BY item_id;

-- name: operations_of
-- $2: how old they may be, in seconds; by this server's clock against callers'.
SELECT slot, op_id, seq, payload_hash, reply
  FROM operations
 WHERE char_id = $1 AND at > now() - make_interval(secs => $2)
 ORDER BY seq;

-- name: lock_heads
-- Always in the order of the ids, so that no two batches ever wait for each other in a circle; and
-- a head that somebody else holds is left for later, so that it does not hold up all the others.
SELECT u.n, c.epoch, c.seq
  FROM unnest($1::uuid[]) WITH ORDINALITY AS u (char_id, n)
  JOIN characters AS c ON c.char_id = u.char_id
 ORDER BY c.char_id
   FOR NO KEY UPDATE OF c SKIP LOCKED;

-- name: existing
SELECT char_id::text FROM characters WHERE char_id = ANY($1::uuid[]);

-- name: flush_heads
-- The guard of the whole protocol: an older epoch, or work that does not begin exactly where
-- PostgreSQL stands, changes nothing.
UPDATE characters AS c
   SET seq = u.last_seq,
       actor = coalesce(u.actor, c.actor),
       -- A flush comes from a session, so one is out.
       open = true,
       line = CASE WHEN u.last_seq > u.base_seq THEN u.incarnation ELSE c.line END
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::jsonb[], $6::bigint[])
       WITH ORDINALITY AS u (char_id, epoch, base_seq, last_seq, actor, incarnation, n)
 WHERE c.char_id = u.char_id AND c.epoch = u.epoch AND c.seq = u.base_seq
RETURNING u.n;

-- name: mark_closed
-- After the session has gone, and only on the node that was asked for it: whoever reads "open" wants to
-- know whether anything acknowledged may be missing here. To miss this is harmless.
UPDATE characters SET open = false WHERE char_id = $1 AND epoch = $2;

-- name: flush_journal
INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
SELECT u.char_id, u.seq, timestamptz 'epoch' + u.at * interval '1 millisecond',
       u.by, u.request_id, u.op_id, u.commands, u.changes
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
              $7::jsonb[], $8::jsonb[])
       AS u (char_id, seq, at, by, request_id, op_id, commands, changes);

-- name: flush_operations
-- An id that is used again after its ring had forgotten it may still stand in another slot: the newer counts.
INSERT INTO operations AS o (char_id, slot, op_id, seq, payload_hash, reply, at)
SELECT u.char_id, u.slot, u.op_id, u.seq, u.payload_hash, u.reply,
       timestamptz 'epoch' + u.at * interval '1 millisecond'
  FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
       AS u (char_id, slot, op_id, seq, payload_hash, reply, at)
ON CONFLICT (char_id, slot) DO UPDATE
   SET op_id = excluded.op_id,
       seq = excluded.seq,
       payload_hash = excluded.payload_hash,
       reply = excluded.reply,
       at = excluded.at;

-- name: flush_removed
-- Counts, of the items that were here for certain, those that really went.
WITH gone AS (
    DELETE FROM items AS i
     USING unnest($1::uuid[], $2::uuid[], $3::boolean[]) AS u (item_id, owner, stored)
     WHERE i.item_id = u.item_id AND i.owner = u.owner
    RETURNING u.stored
)
SELECT count(*) FILTER (WHERE stored) FROM gone;

-- name: flush_items
INSERT INTO items AS i (item_id, owner, template_id, quantity, container, slot, bound, locked, held)
SELECT u.item_id, u.owner, u.template_id, u.quantity, u.container, u.slot, u.bound, u.locked, u.held
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[],
              $7::boolean[], $8::boolean[], $9::boolean[])
       AS u (item_id, owner, template_id, quantity, container, slot, bound, locked, held)
ON CONFLICT (item_id) DO UPDATE
   SET template_id = excluded.template_id,
       quantity = excluded.quantity,
       container = excluded.container,
       slot = excluded.slot,
       bound = excluded.bound,
       locked = excluded.locked,
       held = excluded.held
 WHERE i.owner = excluded.owner;

-- name: reserve_item_ids
-- $1: character. $2: ids. $3: the call. Answers those that are another's, and those that are new here.
-- DO UPDATE, because DO NOTHING would not show a row that somebody else has just written; in the order
-- of the ids, so that no two wait for each other in a circle. Nothing is reserved for a character that
-- does not exist.
WITH wanted AS (
    SELECT DISTINCT item_id FROM unnest($2::uuid[]) AS u (item_id)
), theirs AS (
    SELECT item_id FROM items JOIN wanted USING (item_id) WHERE owner <> $1
), reserved AS (
    INSERT INTO granted_ids AS g (item_id, char_id, call)
    SELECT w.item_id, c.char_id, $3
      FROM wanted AS w, characters AS c
     WHERE c.char_id = $1 AND w.item_id NOT IN (SELECT item_id FROM theirs)
     ORDER BY w.item_id
    ON CONFLICT (item_id) DO UPDATE
       SET char_id = g.char_id,
           call = CASE WHEN g.char_id = excluded.char_id THEN excluded.call ELSE g.call END
    RETURNING item_id, char_id, xmax = 0 AS fresh
)
SELECT item_id::text, false AS fresh FROM theirs
UNION
SELECT item_id::text, fresh FROM reserved WHERE char_id <> $1 OR fresh;

-- name: item_ids_taken
-- $1: character. $2: ids. Those that are another's, without reserving any.
SELECT item_id::text FROM items WHERE item_id = ANY ($2::uuid[]) AND owner <> $1
UNION
SELECT item_id::text FROM granted_ids WHERE item_id = ANY ($2::uuid[]) AND char_id <> $1;

-- name: release_item_ids
-- $1: character. $2: ids that were new to the call $3, which did nothing. One that another call has asked
-- for since stays, for that one may have made the item.
DELETE FROM granted_ids WHERE char_id = $1 AND item_id = ANY ($2::uuid[]) AND call = $3;

-- name: quarantine
UPDATE characters SET quarantined = $2 WHERE char_id = $1 RETURNING 1;

-- name: record_incident
INSERT INTO incidents (char_id, reason, entries) VALUES ($1, $2, $3);

-- name: journal_after
SELECT seq, (extract(epoch FROM at) * 1000)::bigint AS at, by, request_id, op_id, commands, changes
  FROM journal
 WHERE char_id = $1 AND seq > $2
 ORDER BY seq
 LIMIT $3;

-- name: catalog_version
SELECT coalesce(max(version), 0) FROM catalogs;

-- name: catalog
-- Version and templates in one statement, so from one snapshot. An empty catalog is one row of nulls.
SELECT c.version, t.template_id, t.facts, t.data
  FROM (SELECT coalesce(max(version), 0) AS version FROM catalogs) AS c
  LEFT JOIN item_templates AS t ON true
 ORDER BY t.template_id;

-- name: lock_catalogs
-- One import at a time; readers go on.
LOCK TABLE catalogs IN SHARE ROW EXCLUSIVE MODE;

-- name: newest_catalog
SELECT version, ruleset, content FROM catalogs ORDER BY version DESC LIMIT 1;

-- name: templates_missing
SELECT template_id FROM item_templates EXCEPT SELECT unnest($1::text[]) COLLATE "C";

-- name: templates_in_use
SELECT DISTINCT template_id FROM items WHERE template_id = ANY ($1::text[]) ORDER BY template_id LIMIT $2;

-- name: insert_catalog
INSERT INTO catalogs (version, ruleset, content, count) VALUES ($1, $2, $3, $4);

-- name: delete_templates
DELETE FROM item_templates;

-- name: insert_templates
INSERT INTO item_templates (template_id, facts, data, catalog)
SELECT u.template_id, u.facts, u.data, $4
  FROM unnest($1::text[], $2::jsonb[], $3::jsonb[]) AS u (template_id, facts, data);

-- Every statement of the program, by name; a line "-- name: x" begins one.
-- Times cross as Unix milliseconds, uuids as uuids, jsonb as bytes of JSON.

-- name: ping
SELECT 1;

-- name: create_character
-- No row comes back when the id is taken, or was by a character that has been erased.
INSERT INTO characters (char_id, name, actor)
SELECT $1::uuid, $2::text, $3::jsonb
 WHERE NOT EXISTS (SELECT FROM erasures WHERE char_id = $1)
ON CONFLICT (char_id) DO NOTHING
RETURNING char_id, name, actor, epoch, open, incarnation, seq,
          (extract(epoch FROM created_at) * 1000)::bigint AS created_at;

-- name: character
SELECT char_id, name, actor, epoch, open, incarnation, seq,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_at
  FROM characters
 WHERE char_id = $1;

-- name: has_entry
-- Whether a call's entry is in the ledger: $1: character, $2: seq. $3: time, $4 to $6: by whom, request and
-- operation id. A repeat under an operation id has another time and request than its first.
SELECT EXISTS (SELECT FROM journal
                WHERE char_id = $1 AND seq = $2 AND op_id = $6::text
                  AND ($6 <> '' OR at = timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
                                   AND by = $4 AND request_id = $5));

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

-- name: begin_loads
-- Always in the order of the ids, and a head that somebody else holds is left out: so loads and flushes
-- never wait for each other, and one that is held long holds up nobody else.
-- "open" on the right is the value from before: a character found open has a new incarnation.
WITH held AS (
    SELECT u.n, c.char_id
      FROM unnest($1::uuid[]) WITH ORDINALITY AS u (char_id, n)
      JOIN characters AS c ON c.char_id = u.char_id
     WHERE c.quarantined IS NULL
     ORDER BY c.char_id
       FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE characters AS c
   SET epoch = c.epoch + 1,
       incarnation = c.incarnation + c.open::integer,
       open = true
  FROM held
 WHERE c.char_id = held.char_id
RETURNING held.n, c.char_id, c.name, c.actor, c.epoch, c.open, c.incarnation, c.seq,
          (extract(epoch FROM c.created_at) * 1000)::bigint AS created_at, c.line;

-- name: not_begun
-- Of those that begin_loads left out, the ones that there are, and why they are not loaded; null: it was held.
SELECT u.n, c.quarantined
  FROM unnest($1::uuid[]) WITH ORDINALITY AS u (char_id, n)
  JOIN characters AS c ON c.char_id = u.char_id;

-- name: items_of
-- A statement of its own after begin_loads, never a part of it: one statement reads from one
-- snapshot, taken before it had locked the heads, and would miss what a flush wrote until then.
SELECT u.n, i.item_id, i.template_id, i.quantity, i.container, i.slot, i.bound, i.locked, i.held
  FROM unnest($1::uuid[]) WITH ORDINALITY AS u (owner, n)
  JOIN items AS i ON i.owner = u.owner
 ORDER BY u.n, i.item_id;

-- name: operations_of
-- $2: how old they may be, in seconds; by this server's clock against callers'.
SELECT u.n, o.slot, o.op_id, o.seq, o.payload_hash, o.reply
  FROM unnest($1::uuid[]) WITH ORDINALITY AS u (char_id, n)
  JOIN operations AS o ON o.char_id = u.char_id
 WHERE o.at > now() - make_interval(secs => $2)
 ORDER BY u.n, o.seq;

-- name: flush
-- Many characters' work, all of it or nothing: one statement, so a transaction by itself where none is open.
-- Answers with the works that do not fit, if there are any, and has then written nothing: epoch and seq as
-- they are; null where somebody else holds the head ("known") or there is none.
--
-- Columns come as the text of an array, which costs the client a tenth of a typed one.
-- $1..$6: works. $7, $8: entries, as their character and JSON, one a line. $9..$15: operations.
-- $16..$18: items that go; $19 of them were here. $20..$28: items as they are at last, $29 of them.
WITH work AS MATERIALIZED (
    SELECT *
      FROM unnest($1::text::uuid[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[],
                  $5::text::bigint[], $6::text::jsonb[])
           WITH ORDINALITY AS u (char_id, epoch, base_seq, last_seq, incarnation, actor, n)
), locked AS MATERIALIZED (
    -- The guard of the whole protocol: an older epoch, or work that does not begin exactly where PostgreSQL
    -- stands, changes nothing. It is judged by the row as it is under the lock, where an UPDATE of its own
    -- would first look for a row that fitted when the statement began. A head that somebody else holds is
    -- left for later, so that it does not hold up all the others, and no two wait for each other.
    SELECT u.*, c.epoch AS own_epoch, c.seq AS own_seq, c.epoch = u.epoch AND c.seq = u.base_seq AS fits
      FROM work AS u
      JOIN characters AS c ON c.char_id = u.char_id
       FOR NO KEY UPDATE OF c SKIP LOCKED
), verdict AS MATERIALIZED (
    -- The locks are held to the end, so this stays true: nobody raises an epoch or moves a seq meanwhile.
    SELECT count(*) FILTER (WHERE fits) = (SELECT count(*) FROM work) AS all_fit FROM locked
), heads AS (
    UPDATE characters AS c
       SET seq = u.last_seq,
           actor = coalesce(u.actor, c.actor),
           -- A flush comes from a session, so one is out.
           open = true,
           line = CASE WHEN u.last_seq > u.base_seq THEN u.incarnation ELSE c.line END
      FROM locked AS u
     WHERE c.char_id = u.char_id AND (SELECT all_fit FROM verdict)
), entries AS (
    INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
    SELECT u.char_id, (u.entry->'seq')::bigint,
           timestamptz 'epoch' + (u.entry->'at')::bigint * interval '1 millisecond',
           u.entry->>'by', u.entry->>'request_id', u.entry->>'op_id', u.entry->'commands', u.entry->'changes'
      FROM (SELECT l.char_id, l.line::jsonb AS entry
              FROM unnest($7::text::uuid[], string_to_array(convert_from($8::bytea, 'UTF8'), E'\n'))
                   AS l (char_id, line)
            -- Or each line would be read once for every column.
            OFFSET 0) AS u
     WHERE (SELECT all_fit FROM verdict)
), done AS (
    -- An id that is used again after its ring had forgotten it may still stand in another slot: the newer counts.
    INSERT INTO operations AS o (char_id, slot, op_id, seq, payload_hash, reply, at)
    SELECT u.char_id, u.slot, u.op_id, u.seq, u.payload_hash, u.reply,
           timestamptz 'epoch' + u.at * interval '1 millisecond'
      FROM unnest($9::text::uuid[], $10::text::smallint[], $11::text::text[], $12::text::bigint[],
                  $13::text::text[], $14::text::text[], $15::text::bigint[])
           AS u (char_id, slot, op_id, seq, payload_hash, reply, at)
     WHERE (SELECT all_fit FROM verdict)
    ON CONFLICT (char_id, slot) DO UPDATE
       SET op_id = excluded.op_id,
           seq = excluded.seq,
           payload_hash = excluded.payload_hash,
           reply = excluded.reply,
           at = excluded.at
), gone AS (
    -- What a character's work takes away was committed before the work was read, so it is seen.
    DELETE FROM items AS i
     USING unnest($16::text::uuid[], $17::text::uuid[], $18::text::boolean[]) AS u (item_id, owner, stored)
     WHERE i.item_id = u.item_id AND i.owner = u.owner AND (SELECT all_fit FROM verdict)
    RETURNING u.stored
), went AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE stored) AS items FROM gone
), came AS (
    INSERT INTO items AS i (item_id, owner, template_id, quantity, container, slot, bound, locked, held)
    SELECT u.item_id, u.owner, u.template_id, u.quantity, u.container, u.slot, u.bound, u.locked, u.held
      FROM unnest($20::text::uuid[], $21::text::uuid[], $22::text::text[], $23::text::bigint[],
                  $24::text::text[], $25::text::text[], $26::text::boolean[], $27::text::boolean[],
                  $28::text::boolean[])
           AS u (item_id, owner, template_id, quantity, container, slot, bound, locked, held)
     -- After those that go: an id may pass from one character to another.
     WHERE (SELECT all_fit FROM verdict) AND (SELECT items FROM went) >= 0
    ON CONFLICT (item_id) DO UPDATE
       SET template_id = excluded.template_id,
           quantity = excluded.quantity,
           container = excluded.container,
           slot = excluded.slot,
           bound = excluded.bound,
           locked = excluded.locked,
           held = excluded.held
     WHERE i.owner = excluded.owner
    RETURNING 1
)
SELECT n, own_epoch AS epoch, own_seq AS seq, true AS known FROM locked WHERE fits IS NOT TRUE
 UNION ALL
SELECT n, NULL, NULL, EXISTS (SELECT FROM characters AS c WHERE c.char_id = work.char_id)
  FROM work WHERE NOT (SELECT all_fit FROM verdict) AND n NOT IN (SELECT n FROM locked)
 UNION ALL
-- Where an owner's guard kept rows back, session and PostgreSQL disagree, and all of it fails.
SELECT refuse(format('%s of %s items were removed, %s of %s were written: others are not this owner''s',
                     w.items, $19::bigint, c.items, $29::bigint)), NULL, NULL, NULL
  FROM went AS w, (SELECT count(*) AS items FROM came) AS c
 WHERE (SELECT all_fit FROM verdict) AND (w.items <> $19::bigint OR c.items <> $29::bigint);

-- name: existing
SELECT char_id::text FROM characters WHERE char_id = ANY($1::uuid[]);

-- name: mark_closed
-- After the session has gone, and only on the node that was asked for it: whoever reads "open" wants to
-- know whether anything acknowledged may be missing here. To miss this is harmless.
UPDATE characters SET open = false WHERE char_id = $1 AND epoch = $2;

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


-- Moving in: rows that come together by their character, and characters that are made of them. See queries.sql
-- for the form. moving_in is a table of the connection, which goes with it.

-- name: import_table
-- Rows of nobody, which cannot be understood, have no char_id.
CREATE TEMPORARY TABLE moving_in (
    char_id uuid,
    number  bigint NOT NULL,
    item_id uuid,
    taken   boolean NOT NULL,
    row     bytea NOT NULL
);

-- name: import_manners
-- Its transaction waits while characters are judged and written, for hours perhaps.
SELECT set_config('work_mem', '64MB', false), set_config('jit', 'off', false),
       set_config('idle_in_transaction_session_timeout', '0', false);

-- name: import_look
ANALYZE moving_in;

-- name: import_taken
-- An item is there once: of rows with the same id the first one has it, unless another character's item has it.
UPDATE moving_in AS s
   SET taken = true
  FROM (SELECT place
          FROM (SELECT ctid AS place, row_number() OVER (PARTITION BY item_id ORDER BY number) AS n
                  FROM moving_in
                 WHERE item_id IS NOT NULL) AS numbered
         WHERE n > 1
         UNION
        SELECT m.ctid FROM moving_in AS m JOIN items AS i ON i.item_id = m.item_id WHERE i.owner <> m.char_id
         UNION
        SELECT m.ctid FROM moving_in AS m JOIN granted_ids AS g ON g.item_id = m.item_id WHERE g.char_id <> m.char_id
       ) AS u
 WHERE s.ctid = u.place;

-- name: import_existing
-- As import_rows, of characters that are there.
SELECT s.char_id, s.number, s.row, s.taken, true AS existing, i.digest, false AS erased
  FROM moving_in AS s
  JOIN characters AS c ON c.char_id = s.char_id
  LEFT JOIN imported AS i ON i.char_id = s.char_id
 WHERE NOT EXISTS (SELECT FROM erasures AS e WHERE e.char_id = s.char_id)
 ORDER BY s.char_id, s.number;

-- name: import_rows
-- Character by character. digest: of the rows that it was made of, where it was brought in.
SELECT s.char_id, s.number, s.row, s.taken, c.char_id IS NOT NULL AS existing, i.digest,
       e.char_id IS NOT NULL AS erased
  FROM moving_in AS s
  LEFT JOIN characters AS c ON c.char_id = s.char_id
  LEFT JOIN imported AS i ON i.char_id = s.char_id
  LEFT JOIN erasures AS e ON e.char_id = s.char_id
 ORDER BY s.char_id NULLS FIRST, s.number;

-- name: import_hold_catalog
-- Until the transaction ends no other catalog comes (lock_catalogs); other parts of an import go on.
LOCK TABLE catalogs IN ROW EXCLUSIVE MODE;

-- name: import_characters
-- All of them or none: one statement, so a transaction by itself. Columns come as the text of an array.
-- $1..$5: characters; seq is 1 where it has an entry. $6, $7: entries, as their character and JSON, one a line.
-- $8, $9: ids that rows had. $10..$17: items. $18, $19: how many characters and items there are.
WITH made AS (
    -- A session is out as soon as one is loaded; until then the head is as a flush would leave it.
    INSERT INTO characters (char_id, name, actor, seq, line)
    SELECT u.char_id, u.name, u.actor, u.seq, 0
      FROM unnest($1::text::uuid[], $2::text::text[], $3::text::jsonb[], $4::text::bigint[])
           AS u (char_id, name, actor, seq)
    ON CONFLICT (char_id) DO NOTHING
    RETURNING 1
), recorded AS (
    INSERT INTO imported (char_id, digest)
    SELECT u.char_id, u.digest FROM unnest($1::text::uuid[], $5::text::text[]) AS u (char_id, digest)
), entries AS (
    INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
    SELECT u.char_id, (u.entry->'seq')::bigint,
           timestamptz 'epoch' + (u.entry->'at')::bigint * interval '1 millisecond',
           u.entry->>'by', u.entry->>'request_id', u.entry->>'op_id', u.entry->'commands', u.entry->'changes'
      FROM (SELECT l.char_id, l.line::jsonb AS entry
              FROM unnest($6::text::uuid[], string_to_array(convert_from($7::bytea, 'UTF8'), E'\n'))
                   AS l (char_id, line)
             WHERE l.char_id IS NOT NULL
            -- Or each line would be read once for every column.
            OFFSET 0) AS u
), spent AS (
    -- An id from elsewhere belongs to the character that had it first, for good.
    INSERT INTO granted_ids (item_id, char_id, call)
    SELECT u.item_id, u.char_id, 'import' FROM unnest($8::text::uuid[], $9::text::uuid[]) AS u (item_id, char_id)
), came AS (
    INSERT INTO items (item_id, owner, template_id, quantity, container, slot, bound, locked)
    SELECT u.item_id, u.owner, u.template_id, u.quantity, u.container, u.slot, u.bound, u.locked
      FROM unnest($10::text::uuid[], $11::text::uuid[], $12::text::text[], $13::text::bigint[],
                  $14::text::text[], $15::text::text[], $16::text::boolean[], $17::text::boolean[])
           AS u (item_id, owner, template_id, quantity, container, slot, bound, locked)
    RETURNING 1
)
SELECT refuse(format('%s of %s characters and %s of %s items were written', m.n, $18::bigint, c.n, $19::bigint))
  FROM (SELECT count(*) AS n FROM made) AS m, (SELECT count(*) AS n FROM came) AS c
 WHERE m.n <> $18::bigint OR c.n <> $19::bigint;

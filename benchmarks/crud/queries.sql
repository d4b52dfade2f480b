-- name: lock_head
-- Locks the inventory, so that what is read after it stays true until COMMIT.
SELECT actor, incarnation, seq FROM characters WHERE char_id = $1 FOR NO KEY UPDATE;

-- name: items_for_move
-- The item, and what is in its way; then, without ids, sums over all items by container and template.
-- A statement of its own after lock_head: a snapshot taken before the wait would be an old one.
WITH wanted AS (
    SELECT item_id, template_id, quantity, container, slot, bound, locked, held
      FROM items
     WHERE owner = $1 AND (item_id = $2 OR (container = $3 AND slot = $4))
       FOR UPDATE
)
SELECT item_id, template_id, quantity, container, slot, bound, locked, held, 1::bigint AS items
  FROM wanted
 UNION ALL
SELECT NULL, template_id, sum(quantity)::bigint, container, NULL, NULL, NULL, NULL, count(*)
  FROM items
 WHERE owner = $1
 GROUP BY container, template_id;

-- name: write_move
-- Everything that a move between slots changes, in one statement.
WITH entry AS (
    INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
    VALUES ($1, $2, now(), $3, $4, '', $5, $6)
), moved AS (
    UPDATE items AS i
       SET quantity = u.quantity, container = u.container, slot = u.slot, bound = u.bound
      FROM unnest($7::uuid[], $8::bigint[], $9::text[], $10::text[], $11::boolean[])
           AS u (item_id, quantity, container, slot, bound)
     WHERE i.item_id = u.item_id AND i.owner = $1
)
UPDATE characters SET seq = $2 WHERE char_id = $1;

-- name: write_head
WITH entry AS (
    INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
    VALUES ($1, $2, now(), $3, $4, '', $5, $6)
)
UPDATE characters SET seq = $2, actor = coalesce($7::jsonb, actor) WHERE char_id = $1;

-- name: items_of
SELECT item_id, template_id, quantity, container, slot, bound, locked, held FROM items WHERE owner = $1;

-- name: remove_items
DELETE FROM items WHERE owner = $1 AND item_id = ANY ($2::uuid[]);

-- name: write_items
INSERT INTO items AS i (owner, item_id, template_id, quantity, container, slot, bound, locked, held)
SELECT $1, u.*
  FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::boolean[], $8::boolean[],
              $9::boolean[]) AS u
ON CONFLICT (item_id) DO UPDATE
   SET quantity = excluded.quantity, container = excluded.container, slot = excluded.slot,
       bound = excluded.bound, locked = excluded.locked, held = excluded.held
 WHERE i.owner = excluded.owner;

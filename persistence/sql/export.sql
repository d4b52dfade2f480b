-- All that is kept of a character, for its export: one snapshot, read in pages. See queries.sql for the form.

-- name: export_head
SELECT char_id::text, name, actor, seq, quarantined, (extract(epoch FROM created_at) * 1000)::bigint AS created_at,
       (extract(epoch FROM now()) * 1000)::bigint AS exported_at,
       (SELECT (extract(epoch FROM at) * 1000)::bigint FROM imported WHERE char_id = c.char_id) AS imported_at
  FROM characters AS c
 WHERE char_id = $1;

-- name: export_items
SELECT item_id, template_id, quantity, container, slot, bound, locked, held
  FROM items
 WHERE owner = $1
 ORDER BY container, slot;

-- name: export_ledger
SELECT seq, (extract(epoch FROM at) * 1000)::bigint AS at, by, request_id, op_id, commands, changes
  FROM journal
 WHERE char_id = $1
 ORDER BY seq;

-- name: export_baselines
SELECT seq, (extract(epoch FROM at) * 1000)::bigint AS at, actor, items, totals
  FROM baselines
 WHERE char_id = $1
 ORDER BY seq;

-- name: export_operations
SELECT op_id, seq, reply, (extract(epoch FROM at) * 1000)::bigint AS at
  FROM operations
 WHERE char_id = $1
 ORDER BY seq;

-- name: export_incidents
SELECT (extract(epoch FROM at) * 1000)::bigint AS at, reason, entries
  FROM incidents
 WHERE char_id = $1
 ORDER BY incident_id;

-- name: export_granted_ids
SELECT item_id, (extract(epoch FROM at) * 1000)::bigint AS at
  FROM granted_ids
 WHERE char_id = $1
 ORDER BY item_id;

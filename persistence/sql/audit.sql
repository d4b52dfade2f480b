-- What an audit asks. It only reads, each batch from one snapshot. See queries.sql for the form.

-- name: audit_snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: audit_manners
-- The rows of a batch are sorted in memory, and by one process, since others play meanwhile.
SELECT set_config('work_mem', '32MB', true),
       set_config('max_parallel_workers_per_gather', '0', true),
       set_config('jit', 'off', true);

-- name: audit_count
SELECT count(*) FROM characters;

-- name: audit_page
-- $1: the id to begin after. $2: how many.
SELECT char_id::text FROM characters WHERE char_id > $1 ORDER BY char_id LIMIT $2;

-- name: audit_sample
SELECT char_id::text
  FROM (SELECT char_id FROM characters ORDER BY random() LIMIT $1) AS drawn
 ORDER BY char_id;

-- name: audit_heads
SELECT char_id::text, actor, epoch, seq
  FROM characters
 WHERE char_id = ANY ($1::uuid[]);

-- name: audit_baselines
-- The newest one, from which a replay begins, and where all of them stand.
SELECT DISTINCT ON (char_id)
       char_id::text, seq, actor, items, totals, array_agg(seq) OVER (PARTITION BY char_id) AS seqs
  FROM baselines
 WHERE char_id = ANY ($1::uuid[])
 ORDER BY char_id, seq DESC;

-- name: audit_entries
-- Times only where they are looked at.
SELECT char_id, seq, op_id, changes,
       CASE WHEN op_id <> '' THEN (extract(epoch FROM at) * 1000)::bigint END AS at_ms
  FROM journal
 WHERE char_id = ANY ($1::uuid[])
 ORDER BY char_id, seq;

-- name: audit_items
SELECT owner AS char_id, item_id, template_id, quantity, container, slot, bound, locked, held
  FROM items
 WHERE owner = ANY ($1::uuid[])
 ORDER BY owner;

-- name: audit_operations
-- Spelled as a session spells what it remembers; a reply may be long, so its hash is compared.
SELECT char_id::text, slot, op_id, seq, md5(payload_hash || ':' || seq || ' ' || reply) AS done
  FROM operations
 WHERE char_id = ANY ($1::uuid[]);

-- name: audit_owners
SELECT item_id, owner::text FROM items WHERE item_id = ANY ($1::uuid[]);

-- name: audit_incidents
SELECT char_id::text, count(*) AS incidents, max(at)::text AS last
  FROM incidents
 GROUP BY char_id
 ORDER BY char_id;

-- name: audit_is_unique
-- Whether a constraint over just these columns is there, checked and in force; $1: table, $2: columns.
SELECT count(*) > 0
  FROM pg_constraint AS c
  JOIN pg_index AS i ON i.indexrelid = c.conindid
 WHERE c.conrelid = to_regclass($1)
   AND c.contype IN ('p', 'u') AND c.convalidated AND i.indisvalid
   AND $2::text[] = (SELECT array_agg(a.attname::text ORDER BY a.attname)
                       FROM pg_attribute AS a
                      WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey));

-- name: audit_open_partitions
-- The ledger's partitions that let a row be changed or taken away.
SELECT p.relname::text
  FROM pg_inherits AS h
  JOIN pg_class AS p ON p.oid = h.inhrelid
 WHERE h.inhparent = to_regclass('journal')
   AND NOT EXISTS (SELECT FROM pg_trigger AS t
                    WHERE t.tgrelid = p.oid AND t.tgenabled IN ('O', 'A')
                      AND t.tgfoid = to_regproc('journal_is_append_only')
                      AND t.tgtype & 27 = 27)
 ORDER BY p.relname;

-- name: audit_partitions
-- Whether there is a partition for what is written now, and one for what fits no week.
SELECT to_regclass('journal_' || to_char(date_trunc('week', now(), 'UTC') AT TIME ZONE 'UTC', 'YYYYMMDD'))
           IS NOT NULL AS this_week,
       EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass('journal') AND partdefid <> 0)
           AS other;

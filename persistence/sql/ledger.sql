-- Statements on the ledger's past: what is read from it, and how it is kept. See queries.sql for the form.
-- Bounds of weeks are timestamps; a week is told by them, so that the planner looks into its partition alone.

-- name: baseline_before
-- $1: character. $2: seq. The newest baseline at or before it.
SELECT seq, actor, items, totals
  FROM baselines
 WHERE char_id = $1 AND seq <= $2
 ORDER BY seq DESC
 LIMIT 1;

-- name: changes_between
-- $1: character. Entries after $2, up to $3; at most $4.
SELECT seq, changes
  FROM journal
 WHERE char_id = $1 AND seq > $2 AND seq <= $3
 ORDER BY seq
 LIMIT $4;

-- name: newest_baseline
SELECT max(seq) FROM baselines WHERE char_id = $1;

-- name: seq_at
-- $1: character. $2: time. The greatest seq whose entry has that time or an earlier one; the entry of a
-- baseline may be gone, but what is asked of it stands there.
SELECT greatest(
    (SELECT max(seq) FROM journal
      WHERE char_id = $1 AND at <= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'),
    (SELECT max(seq) FROM baselines
      WHERE char_id = $1 AND at <= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'),
    0);

-- name: first_at
-- The time of the first entry that there is, in Unix milliseconds.
SELECT (extract(epoch FROM at) * 1000)::bigint FROM journal WHERE char_id = $1 ORDER BY seq LIMIT 1;

-- name: entries_between
-- $1: character. How many entries there are after $2, up to $3.
SELECT count(*) FROM journal WHERE char_id = $1 AND seq > $2 AND seq <= $3;

-- name: journal_weeks
-- The partitions of a week, oldest first, by the bounds that they really have; the rest is not ours to drop.
SELECT partition, begins, ends, ends <= now() - $1 * interval '24 hours' AS old
  FROM (SELECT c.oid::regclass::text AS partition,
               (regexp_match(bounds.text, 'FROM \(''([^'']+)''\)'))[1]::timestamptz AS begins,
               (regexp_match(bounds.text, 'TO \(''([^'']+)''\)'))[1]::timestamptz AS ends
          FROM pg_inherits AS i
          JOIN pg_class AS c ON c.oid = i.inhrelid
         CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS bounds (text)
         WHERE i.inhparent = 'journal'::regclass AND c.relname ~ '^journal_[0-9]{8}$'
       ) AS weeks
 ORDER BY begins;

-- name: week_begins
-- The Monday $1 weeks from now.
SELECT date_trunc('week', now(), 'UTC') + $1 * interval '7 days';

-- name: add_week
SELECT journal_add_week($1);

-- name: lock_weeks
-- Who adds a week looks first whether it is there; two must not do so at once.
SELECT pg_advisory_xact_lock('journal'::regclass::oid::integer, $1);

-- name: try_lock
-- By the table's number as well, so that other inventories in the same database are not held up.
SELECT pg_try_advisory_lock('journal'::regclass::oid::integer, $1);

-- name: unlock
SELECT pg_advisory_unlock('journal'::regclass::oid::integer, $1);

-- name: week_runs
-- $1 to $2: the week. $3: the first character to look at. $4: how many. For each, where its runs of entries
-- in the week end, and whether a baseline stands there. A run whose next entry is gone already, as clocks
-- that disagree may leave it, needs none: nothing is replayed from there.
-- Characters are found by one probe of the index each, however many entries they have.
WITH RECURSIVE chunk AS (
    SELECT 1 AS n, (SELECT char_id FROM journal
                     WHERE at >= $1 AND at < $2 AND char_id >= $3
                     ORDER BY char_id LIMIT 1) AS char_id
    UNION ALL
    SELECT n + 1, (SELECT j.char_id FROM journal AS j
                    WHERE j.at >= $1 AND j.at < $2 AND j.char_id > chunk.char_id
                    ORDER BY j.char_id LIMIT 1)
      FROM chunk
     WHERE chunk.char_id IS NOT NULL AND n < $4
)
SELECT c.char_id, r.seq, r.at,
       EXISTS (SELECT FROM baselines AS b WHERE b.char_id = c.char_id AND b.seq = r.seq) AS kept
  FROM chunk AS c
 CROSS JOIN LATERAL (
       SELECT j.seq, j.at, lead(j.seq) OVER (ORDER BY j.seq) AS next
         FROM journal AS j
        WHERE j.char_id = c.char_id AND j.at >= $1 AND j.at < $2
       ) AS r
 WHERE r.next IS NULL
    OR r.next > r.seq + 1
   AND EXISTS (SELECT FROM journal AS k WHERE k.char_id = c.char_id AND k.seq = r.seq + 1)
 ORDER BY c.char_id, r.seq;

-- name: week_entries
SELECT count(*) FROM journal WHERE at >= $1 AND at < $2;

-- name: insert_baselines
-- One that is there already says the same.
INSERT INTO baselines (char_id, seq, at, actor, items, totals)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::jsonb[], $5::jsonb[], $6::jsonb[])
ON CONFLICT DO NOTHING;

-- name: baselines_chunk
-- The last of the next $2 characters that have a baseline.
SELECT char_id
  FROM (SELECT DISTINCT char_id FROM baselines WHERE char_id >= $1 ORDER BY char_id LIMIT $2) AS chunk
 ORDER BY char_id DESC
 LIMIT 1;

-- name: delete_superseded_baselines
-- Characters $1 to $2. A baseline is needed as long as the entry right after it is there, and the newest
-- one always.
DELETE FROM baselines AS b
 WHERE b.char_id BETWEEN $1 AND $2
   AND EXISTS (SELECT FROM baselines AS n WHERE n.char_id = b.char_id AND n.seq > b.seq)
   AND NOT EXISTS (SELECT FROM journal AS j WHERE j.char_id = b.char_id AND j.seq = b.seq + 1)
   -- Of who is being erased, entries may stand under the alias already, and baselines not yet.
   AND NOT EXISTS (SELECT FROM erasures AS e WHERE e.done_at IS NULL AND b.char_id IN (e.char_id, e.alias));

-- name: operations_blocks
-- How many pages the table has, to go through it by them: no index is led by time, which each flush alters.
SELECT pg_relation_size('operations') / current_setting('block_size')::bigint;

-- name: delete_operations
-- Pages $1 to $2, the latter left out. $3: age in seconds. A row that a flush is writing is passed by: it is
-- young from then on, and the two never wait for each other in a circle.
DELETE FROM operations
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM operations
        WHERE ctid >= format('(%s,0)', $1::bigint)::tid AND ctid < format('(%s,0)', $2::bigint)::tid
          AND at <= now() - make_interval(secs => $3)
          FOR UPDATE SKIP LOCKED));

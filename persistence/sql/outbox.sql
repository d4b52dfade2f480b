-- Changes that are delivered to others. See queries.sql for the form.
-- After outbox_forget nothing is delivered and no progress is noted until somebody has begun again.

-- name: outbox_lock
-- By the table's number as well, so that other inventories in the same database are not held up.
SELECT pg_try_advisory_lock('outbox'::regclass::oid::integer, $1);

-- name: outbox_unlock
SELECT pg_advisory_unlock('outbox'::regclass::oid::integer, $1);

-- name: outbox_watch_locks
-- A host that dies without a word keeps no lock for hours. Says nothing on a socket of the same machine.
SELECT set_config('tcp_keepalives_idle', '10', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false);

-- name: outbox_is_begun
SELECT EXISTS (SELECT FROM outbox_begun);

-- name: outbox_begin
-- Who comes second waits for the first, and gets no row.
INSERT INTO outbox_begun DEFAULT VALUES ON CONFLICT DO NOTHING RETURNING 1;

-- name: outbox_begin_at_present
-- In the transaction of outbox_begin. Whatever is committed meanwhile is delivered.
INSERT INTO outbox (char_id, seq)
SELECT char_id, seq FROM characters WHERE seq > 0
ON CONFLICT (char_id) DO UPDATE
   SET seq = excluded.seq, refusals = 0, retry_at = NULL, problem = '';

-- name: outbox_next
-- $1: characters. $2: how many entries of each. In order; those that have nothing to be delivered now are
-- left out. One whose ledger has lost what was to be delivered has a row without an entry.
SELECT c.char_id::text, c.seq AS head_seq, coalesce(o.seq, 0) AS delivered_seq,
       coalesce(o.refusals, 0) AS refusals, j.*
  FROM unnest($1::uuid[]) WITH ORDINALITY AS u (char_id, n)
  JOIN characters AS c ON c.char_id = u.char_id
  LEFT JOIN outbox AS o ON o.char_id = u.char_id
  LEFT JOIN LATERAL (
       SELECT l.seq, (extract(epoch FROM l.at) * 1000)::bigint AS at, l.by, l.request_id, l.op_id, l.commands,
              l.changes
         FROM journal AS l
        WHERE l.char_id = u.char_id AND l.seq > coalesce(o.seq, 0)
        ORDER BY l.seq
        LIMIT $2
       ) AS j ON true
 WHERE c.seq > coalesce(o.seq, 0)
   AND coalesce(o.retry_at <= now(), true)
   AND EXISTS (SELECT FROM outbox_begun)
 ORDER BY u.n, j.seq;

-- name: outbox_delivered
-- Nothing is kept of a character that was erased while its changes were on their way.
INSERT INTO outbox AS o (char_id, seq)
SELECT u.char_id, u.seq
  FROM unnest($1::uuid[], $2::bigint[]) AS u (char_id, seq)
  JOIN characters AS c ON c.char_id = u.char_id
 WHERE EXISTS (SELECT FROM outbox_begun)
ON CONFLICT (char_id) DO UPDATE
   SET seq = greatest(o.seq, excluded.seq), refusals = 0, retry_at = NULL, problem = '';

-- name: outbox_refused
-- $1: character. $2: when to try again, in seconds. $3: why it was refused.
INSERT INTO outbox AS o (char_id, seq, refusals, retry_at, problem)
SELECT c.char_id, 0, 1, now() + make_interval(secs => $2), $3
  FROM characters AS c
 WHERE c.char_id = $1 AND EXISTS (SELECT FROM outbox_begun)
ON CONFLICT (char_id) DO UPDATE
   SET refusals = o.refusals + 1, retry_at = excluded.retry_at, problem = excluded.problem;

-- name: outbox_behind
-- $1: the id to begin after. $2: how many characters to look at. The last of them, null where there are none;
-- and those with something to be delivered now.
WITH page AS (
    SELECT char_id, seq FROM characters WHERE char_id > $1 ORDER BY char_id LIMIT $2
)
SELECT (SELECT char_id FROM page ORDER BY char_id DESC LIMIT 1) AS last,
       ARRAY(SELECT p.char_id::text
               FROM page AS p
               LEFT JOIN outbox AS o ON o.char_id = p.char_id
              WHERE p.seq > coalesce(o.seq, 0) AND coalesce(o.retry_at <= now(), true)
              ORDER BY p.char_id) AS behind;

-- name: outbox_status
SELECT (SELECT (extract(epoch FROM at) * 1000)::bigint FROM outbox_begun) AS begun_at,
       count(*) AS characters,
       coalesce(sum(c.seq - coalesce(o.seq, 0)), 0)::bigint AS entries
  FROM characters AS c
  LEFT JOIN outbox AS o ON o.char_id = c.char_id
 WHERE c.seq > coalesce(o.seq, 0);

-- name: outbox_oldest
-- The time of the oldest entry that waits. $1: so many characters are looked at, at most.
SELECT (extract(epoch FROM min(j.at)) * 1000)::bigint
  FROM (SELECT c.char_id, coalesce(o.seq, 0) AS seq
          FROM characters AS c
          LEFT JOIN outbox AS o ON o.char_id = c.char_id
         WHERE c.seq > coalesce(o.seq, 0)
         LIMIT $1) AS behind
 CROSS JOIN LATERAL (
       SELECT l.at FROM journal AS l
        WHERE l.char_id = behind.char_id AND l.seq > behind.seq
        ORDER BY l.seq
        LIMIT 1
       ) AS j;

-- name: outbox_refusals
-- $1: how many at most.
SELECT char_id::text, seq, refusals, (extract(epoch FROM retry_at) * 1000)::bigint AS retry_at, problem,
       count(*) OVER () AS of
  FROM outbox
 WHERE refusals > 0
 ORDER BY char_id
 LIMIT $1;

-- name: outbox_skip
-- What a character has now counts as delivered.
INSERT INTO outbox AS o (char_id, seq)
SELECT char_id, seq FROM characters WHERE char_id = $1
ON CONFLICT (char_id) DO UPDATE
   SET seq = greatest(o.seq, excluded.seq), refusals = 0, retry_at = NULL, problem = ''
RETURNING seq;

-- name: outbox_end
DELETE FROM outbox_begun RETURNING 1;

-- name: outbox_forget
DELETE FROM outbox;

-- name: week_undelivered
-- $1 to $2: a week. Whether it has an entry that is still to be delivered; those of erased characters never are.
-- Hardly anybody is behind by a week, so they are found first, and not the entries.
SELECT EXISTS (SELECT FROM outbox_begun)
   AND EXISTS (SELECT FROM characters AS c
                 LEFT JOIN outbox AS o ON o.char_id = c.char_id
                WHERE c.seq > coalesce(o.seq, 0)
                  AND EXISTS (SELECT FROM journal AS j
                               WHERE j.char_id = c.char_id AND j.seq > coalesce(o.seq, 0)
                                 AND j.at >= $1 AND j.at < $2));

-- What followers of characters ask. See queries.sql for the form.

-- name: event_known
SELECT EXISTS (SELECT FROM characters WHERE char_id = $1);

-- name: events_after
-- $1: characters. $2: a seq for each, to begin after; null: only the newest entry. $3: how many of each.
-- Heads and entries from one snapshot; who has no such entry has one row without.
SELECT u.n, c.incarnation, c.seq AS head_seq, c.line, j.*
  FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS u (char_id, after_seq, n)
  JOIN characters AS c ON c.char_id = u.char_id
  LEFT JOIN LATERAL (
       SELECT l.seq, (extract(epoch FROM l.at) * 1000)::bigint AS at, l.by, l.request_id, l.op_id, l.commands,
              l.changes
         FROM journal AS l
        WHERE l.char_id = u.char_id AND l.seq > coalesce(u.after_seq, c.seq - 1)
        ORDER BY l.seq
        LIMIT $3
       ) AS j ON true
 ORDER BY u.n, j.seq;

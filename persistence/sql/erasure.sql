-- The erasure of a character. See queries.sql for the form.

-- name: erasure
SELECT alias, epoch, done_at IS NOT NULL AS done FROM erasures WHERE char_id = $1;

-- name: begin_erasure
-- For a character that there is; to begin again changes nothing.
INSERT INTO erasures (char_id, alias)
SELECT char_id, gen_random_uuid() FROM characters WHERE char_id = $1
ON CONFLICT (char_id) DO NOTHING;

-- name: remove_character
-- Its items have gone. $2: the last epoch that was given out.
WITH gone AS (
    DELETE FROM characters WHERE char_id = $1 RETURNING char_id
)
UPDATE erasures AS e SET epoch = $2 FROM gone WHERE e.char_id = gone.char_id RETURNING 1;

-- name: forget_ledger
SELECT journal_forget($1, $2);

-- name: forget_rest
-- What is kept beside the ledger; ids that were made elsewhere stay spent.
WITH stands_for AS MATERIALIZED (
    SELECT alias FROM erasures WHERE char_id = $1 AND alias IS NOT NULL
), remembered AS (
    DELETE FROM operations WHERE char_id = $1
), followed AS (
    DELETE FROM outbox WHERE char_id = $1
), set_aside AS (
    DELETE FROM incidents WHERE char_id = $1
), brought_in AS (
    DELETE FROM imported WHERE char_id = $1
)
UPDATE granted_ids AS g SET char_id = s.alias FROM stands_for AS s WHERE g.char_id = $1;

-- name: forget_baselines
-- They are the ledger's, which cannot be replayed without them.
SELECT baselines_forget($1);

-- name: end_erasure
-- Nothing leads from the character to its alias any more.
UPDATE erasures SET alias = NULL, done_at = now() WHERE char_id = $1 AND done_at IS NULL;

-- name: unfinished_erasures
-- Those that nobody has worked at for a while: begun $1 seconds ago or earlier.
SELECT char_id::text FROM erasures
 WHERE done_at IS NULL AND begun_at <= now() - make_interval(secs => $1)
 ORDER BY begun_at
 LIMIT 100;

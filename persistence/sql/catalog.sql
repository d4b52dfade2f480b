-- Statements on the item catalog, its versions, and the service it may come from. See queries.sql for the form.

-- name: catalog_version
SELECT coalesce(max(version), 0) FROM catalogs;

-- name: catalog_changes
-- $1: a version that is known, $2: its content. Answers with what is new since, in one statement, so from
-- one snapshot; with everything where the version is not known here, as after a restore, or has been old
-- for so long that rows of vanished templates may have been deleted since. The first row tells of the
-- catalog in its facts. Facts of null: not known any more.
WITH newest AS (
    SELECT version, content, count, by, (extract(epoch FROM imported_at) * 1000)::bigint AS imported_at
      FROM catalogs
     ORDER BY version DESC
     LIMIT 1
), known AS (
    SELECT EXISTS (SELECT FROM catalogs WHERE version = $1 AND content = $2)
           AND NOT EXISTS (SELECT FROM catalogs
                            WHERE version > $1 AND imported_at < now() - interval '7 days') AS is_near
)
SELECT NULL AS template_id, to_jsonb(newest) || jsonb_build_object('whole', NOT known.is_near) AS facts,
       NULL::jsonb AS data, false AS gone
  FROM newest, known
UNION ALL
SELECT t.template_id, t.facts, t.data, t.gone_at IS NOT NULL
  FROM item_templates AS t, known
 WHERE t.catalog > $1 OR NOT known.is_near
 ORDER BY template_id NULLS FIRST;

-- name: catalog_manners
-- A large catalog is gone through between two statements, bit by bit beside all that is played.
SELECT set_config('idle_in_transaction_session_timeout', '10min', true);

-- name: lock_catalogs
-- One import at a time; readers go on.
LOCK TABLE catalogs IN SHARE ROW EXCLUSIVE MODE;

-- name: newest_catalog
SELECT version, ruleset, content FROM catalogs ORDER BY version DESC LIMIT 1;

-- name: template_digests
-- Those of the newest catalog; facts and data only where nobody has counted a digest.
SELECT template_id, digest,
       CASE WHEN digest IS NULL THEN facts END AS facts,
       CASE WHEN digest IS NULL THEN data END AS data
  FROM item_templates
 WHERE gone_at IS NULL;

-- name: facts_of_templates
SELECT template_id, facts FROM item_templates WHERE template_id = ANY ($1::text[]) AND gone_at IS NULL;

-- name: template_usage
-- Looks at every item once, however many templates are asked for: there is no index on them, which every
-- flush would have to pay for.
SELECT template_id, count(*) AS characters, sum(items)::bigint AS items
  FROM (SELECT template_id, owner, count(*) AS items
          FROM items
         WHERE template_id = ANY ($1::text[])
         GROUP BY template_id, owner) AS held
 GROUP BY template_id;

-- name: insert_catalog
INSERT INTO catalogs (version, ruleset, content, count, by, added, removed, changed, undoable)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true);

-- name: keep_replaced
-- $1: the version that is being made. $2: templates that it adds, changes or takes away.
INSERT INTO catalog_history (version, template_id, facts, data)
SELECT $1, u.template_id, t.facts, t.data
  FROM unnest($2::text[]) AS u (template_id)
  LEFT JOIN item_templates AS t ON t.template_id = u.template_id AND t.gone_at IS NULL;

-- name: put_templates
INSERT INTO item_templates AS t (template_id, facts, data, digest, catalog)
SELECT u.template_id, u.facts, u.data, u.digest, $5
  FROM unnest($1::text[], $2::jsonb[], $3::jsonb[], $4::bytea[]) AS u (template_id, facts, data, digest)
ON CONFLICT (template_id) DO UPDATE
   SET facts = excluded.facts,
       data = excluded.data,
       digest = excluded.digest,
       catalog = excluded.catalog,
       gone_at = NULL;

-- name: retire_templates
UPDATE item_templates
   SET facts = facts || '{"retired": true}', digest = NULL, catalog = $1, gone_at = now()
 WHERE template_id = ANY ($2::text[]);

-- name: forget_templates
UPDATE item_templates
   SET facts = NULL, data = NULL, digest = NULL, catalog = $1, gone_at = now()
 WHERE template_id = ANY ($2::text[]);

-- name: long_gone_templates
SELECT template_id FROM item_templates WHERE gone_at < now() - make_interval(days => $1);

-- name: delete_templates
DELETE FROM item_templates WHERE template_id = ANY ($1::text[]);

-- name: forget_history
-- $1: the oldest version that can be restored from now on.
DELETE FROM catalog_history WHERE version <= $1;

-- name: mark_forgotten
UPDATE catalogs SET undoable = false WHERE version <= $1 AND undoable;

-- name: catalog_versions
-- $1: version to go on before, or null. $2: how many. A version can be restored while all later ones can be
-- taken back.
SELECT version, ruleset, content, count, by, added, removed, changed,
       (extract(epoch FROM imported_at) * 1000)::bigint AS imported_at,
       version >= coalesce((SELECT max(version) FROM catalogs WHERE NOT undoable), 0) AS restorable
  FROM catalogs
 WHERE version < coalesce($1, 9223372036854775807)
 ORDER BY version DESC
 LIMIT $2;

-- name: catalog_at
-- $1: a version. The oldest that was replaced after it is what the template was then.
WITH replaced AS (
    SELECT DISTINCT ON (template_id) template_id, facts, data
      FROM catalog_history
     WHERE version > $1
     ORDER BY template_id, version
)
SELECT template_id, facts, data FROM replaced WHERE facts IS NOT NULL
UNION ALL
SELECT t.template_id, t.facts, t.data
  FROM item_templates AS t
 WHERE t.gone_at IS NULL AND NOT EXISTS (SELECT FROM replaced AS r WHERE r.template_id = t.template_id);

-- name: feed
-- Makes the row of a source; those of others are not needed any more.
WITH others AS (DELETE FROM catalog_feed WHERE source <> $1)
INSERT INTO catalog_feed (source) VALUES ($1) ON CONFLICT (source) DO NOTHING;

-- name: feed_state
SELECT tag, failures, problem, next_at <= now() AS due,
       greatest(0, extract(epoch FROM next_at - now()))::float8 AS due_in_s,
       extract(epoch FROM now() - succeeded_at)::float8 AS age_s,
       (extract(epoch FROM failing_since) * 1000)::bigint AS failing_since,
       (extract(epoch FROM succeeded_at) * 1000)::bigint AS succeeded_at
  FROM catalog_feed
 WHERE source = $1;

-- name: feed_succeeded
-- $2: the tag of what is known now. $3: when to ask again, in seconds.
UPDATE catalog_feed
   SET tag = $2, next_at = now() + make_interval(secs => $3), succeeded_at = now(), failures = 0,
       failing_since = NULL, problem = ''
 WHERE source = $1;

-- name: feed_failed
-- $2: what is wrong. $3: when to ask again, in seconds. The tag goes, so that what was refused is sent again:
-- it may be taken the next time.
UPDATE catalog_feed
   SET tag = '', next_at = now() + make_interval(secs => $3), failures = failures + 1,
       failing_since = coalesce(failing_since, now()), problem = $2
 WHERE source = $1;

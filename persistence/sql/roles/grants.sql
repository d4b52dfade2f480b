-- What the roles may do; by the owner, after every migration. Each right is one that a statement of the program
-- needs, which a test holds. What the release before needs stays for one release more: while a deployment
-- rolls on, both use the same role.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM haversack_service, haversack_support;

GRANT SELECT, DELETE,
      INSERT (char_id, name, actor),
      UPDATE (epoch, open, incarnation, seq, actor, line, quarantined)
   ON characters TO haversack_service;
GRANT SELECT, INSERT, DELETE,
      UPDATE (template_id, quantity, container, slot, bound, locked, held)
   ON items TO haversack_service;
-- The ledger is only added to. Old weeks of it are dropped by its owner, who writes their baselines first.
GRANT SELECT, INSERT ON journal TO haversack_service;
GRANT SELECT ON baselines TO haversack_service;
GRANT SELECT, INSERT, DELETE,
      UPDATE (op_id, seq, payload_hash, reply, at)
   ON operations TO haversack_service;
GRANT SELECT, INSERT, DELETE, UPDATE (char_id, call) ON granted_ids TO haversack_service;
GRANT SELECT, INSERT, DELETE ON incidents TO haversack_service;
GRANT SELECT, DELETE ON imported TO haversack_service;
GRANT SELECT, INSERT (char_id, alias), UPDATE (alias, epoch, done_at) ON erasures TO haversack_service;
GRANT SELECT, INSERT, DELETE, UPDATE (seq, refusals, retry_at, problem) ON outbox TO haversack_service;
GRANT SELECT, INSERT, DELETE ON outbox_begun TO haversack_service;
-- UPDATE of the whole row is what PostgreSQL asks for before it lets imports wait for each other.
GRANT SELECT, INSERT, UPDATE ON catalogs TO haversack_service;
GRANT SELECT, INSERT, DELETE,
      UPDATE (facts, data, digest, catalog, gone_at)
   ON item_templates TO haversack_service;
GRANT SELECT, INSERT, DELETE ON catalog_history TO haversack_service;
GRANT SELECT, INSERT, DELETE,
      UPDATE (tag, next_at, succeeded_at, failures, failing_since, problem)
   ON catalog_feed TO haversack_service;
GRANT SELECT ON schema_migrations TO haversack_service;

-- Weeks ahead are partitions, and only the owner can add those: this function does it in his name.
ALTER FUNCTION journal_add_week(timestamptz) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE ALL ON FUNCTION journal_add_week(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_add_week(timestamptz) TO haversack_service;
-- So is taking an erased person out of the ledger, which only alters the entries of one whose erasure was begun.
REVOKE ALL ON FUNCTION journal_forget(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_forget(uuid, bigint) TO haversack_service;
REVOKE ALL ON FUNCTION baselines_forget(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION baselines_forget(uuid) TO haversack_service;

GRANT SELECT
   ON characters, items, journal, baselines, operations, granted_ids, incidents, catalogs, item_templates,
      outbox, outbox_begun, schema_migrations
   TO haversack_support;

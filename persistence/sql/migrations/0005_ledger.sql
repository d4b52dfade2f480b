-- The ledger grows for ever, so it is kept in partitions of a week, and old weeks can be dropped whole.
-- The key has to hold what partitions are made by; that a seq stands once is the guard of the heads.
-- Times are callers' clocks, so a row may fall outside the weeks there are: the last partition takes it.
ALTER TABLE journal RENAME TO journal_before;
ALTER TABLE journal_before RENAME CONSTRAINT journal_pkey TO journal_before_pkey;

CREATE TABLE journal (
    char_id    uuid NOT NULL,
    seq        bigint NOT NULL CHECK (seq > 0),
    at         timestamptz NOT NULL,
    by         text NOT NULL,
    request_id text NOT NULL,
    op_id      text NOT NULL,
    commands   jsonb NOT NULL,
    changes    jsonb NOT NULL,
    PRIMARY KEY (char_id, seq, at)
) PARTITION BY RANGE (at);

CREATE TABLE journal_other PARTITION OF journal DEFAULT;

-- A trigger on rows, since one on statements would hold only for those that name the whole table.
-- TRUNCATE has no rows, so each partition is told apart.
CREATE TRIGGER journal_append_only
    BEFORE UPDATE OR DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_no_truncate
    BEFORE TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_no_truncate
    BEFORE TRUNCATE ON journal_other
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

-- The partition of the week, Monday to Monday in UTC, that a time is in; its name.
CREATE FUNCTION journal_add_week(at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    monday    timestamptz := date_trunc('week', at, 'UTC');
    partition text := 'journal_' || to_char(monday AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
    IF to_regclass(partition) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF journal FOR VALUES FROM (%L) TO (%L)',
                       partition, monday, (monday AT TIME ZONE 'UTC' + interval '7 days') AT TIME ZONE 'UTC');
        EXECUTE format('CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON %I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()', partition);
    END IF;
    RETURN partition;
END
$$;

SELECT journal_add_week(monday)
  FROM (SELECT DISTINCT date_trunc('week', at, 'UTC') AS monday FROM journal_before
        UNION SELECT date_trunc('week', now(), 'UTC') + n * interval '7 days' FROM generate_series(0, 4) AS n
       ) AS weeks;
INSERT INTO journal SELECT * FROM journal_before;
DROP TABLE journal_before;

-- Where a replay may begin when the weeks before were dropped: items and actor right after seq, and for
-- each template how much had come and gone by then.
CREATE TABLE baselines (
    char_id uuid NOT NULL,
    seq     bigint NOT NULL CHECK (seq > 0),
    at      timestamptz NOT NULL,
    actor   jsonb,
    items   jsonb NOT NULL,
    totals  jsonb NOT NULL,
    PRIMARY KEY (char_id, seq)
);

-- A ring for each character, as its session has one: the newest operation takes the place of the oldest,
-- so the table is bounded without a deletion.
DROP TABLE operations;
CREATE TABLE operations (
    char_id      uuid NOT NULL,
    slot         smallint NOT NULL CHECK (slot >= 0),
    op_id        text COLLATE "C" NOT NULL,
    seq          bigint NOT NULL,
    payload_hash text NOT NULL,
    reply        text NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (char_id, slot)
) WITH (fillfactor = 70);

-- What had to give way to PostgreSQL's state: the journal of a session that was replaced or repaired.
CREATE TABLE incidents (
    incident_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    char_id     uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    reason      text NOT NULL,
    entries     jsonb NOT NULL
);
CREATE INDEX incidents_character ON incidents (char_id, incident_id);

CREATE INDEX characters_quarantined ON characters (char_id) WHERE quarantined IS NOT NULL;

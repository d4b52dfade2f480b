-- The ledger: one row for every call that changed something. It refers to no character by foreign
-- key: it outlives an erased one, and a flush need not pay for the check.
CREATE TABLE journal (
    char_id    uuid NOT NULL,
    seq        bigint NOT NULL CHECK (seq > 0),
    at         timestamptz NOT NULL,
    by         text NOT NULL,
    request_id text NOT NULL,
    op_id      text NOT NULL,
    commands   jsonb NOT NULL,
    changes    jsonb NOT NULL,
    PRIMARY KEY (char_id, seq)
);

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % refused', TG_OP;
END
$$;

CREATE TRIGGER journal_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

-- What was replied under a caller's operation id. The reply is text, not jsonb: a repeat gets the
-- identical one, to the byte.
CREATE TABLE operations (
    char_id      uuid NOT NULL,
    op_id        text COLLATE "C" NOT NULL,
    seq          bigint NOT NULL,
    payload_hash text NOT NULL,
    reply        text NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (char_id, op_id)
);

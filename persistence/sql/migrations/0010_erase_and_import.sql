-- Characters that were brought in from elsewhere, each in one transaction with all that it has. digest is
-- over the rows that it was made of, so that an import that was cut off can be repeated: who is there with
-- the same digest has been done.
CREATE TABLE imported (
    char_id uuid PRIMARY KEY,
    digest  text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);

-- Characters that are being erased, and that were. An id is never given again: what some session, message or
-- backup still has of it must find nothing that it fits. alias is what stands for the character in the
-- ledger from then on; it is forgotten when the work is done, and then nothing leads from one to the other.
-- epoch is the last one that was given out.
CREATE TABLE erasures (
    char_id  uuid PRIMARY KEY,
    alias    uuid,
    epoch    bigint NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL DEFAULT now(),
    done_at  timestamptz,
    CHECK ((alias IS NULL) = (done_at IS NOT NULL))
);
CREATE INDEX erasures_unfinished ON erasures (begun_at) WHERE done_at IS NULL;

-- The ledger stays append-only, but for one thing: an erasure puts the alias in the place of the character,
-- and takes out who is named beside it. What was done, when, and with which items cannot be altered.
CREATE OR REPLACE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.seq, NEW.at, NEW.changes) IS NOT DISTINCT FROM (OLD.seq, OLD.at, OLD.changes)
           AND EXISTS (SELECT FROM erasures WHERE char_id = OLD.char_id AND alias = NEW.char_id) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the journal is append-only: % refused', TG_OP;
END
$$;

-- Takes the person out of up to "most" entries of an erased character's ledger, and answers of how many. With
-- its owner's rights, so that the role that serves need not be able to alter the ledger.
CREATE FUNCTION journal_forget(erased uuid, most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    stands_for uuid := (SELECT alias FROM erasures WHERE char_id = erased);
    found      bigint;
BEGIN
    -- Nothing is under way, or somebody else has ended it.
    IF stands_for IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE journal AS j
       SET char_id = stands_for,
           -- Services and operators stay named; who played is the character itself.
           by = CASE WHEN strpos(j.by, erased::text) > 0 THEN 'player' ELSE j.by END,
           request_id = '',
           op_id = '',
           -- Why an operator did something is free text.
           commands = CASE WHEN j.commands @> '[{"op": "restore"}]' OR j.commands @> '[{"op": "repair"}]'
                           THEN (SELECT jsonb_agg(c.command - 'reason' ORDER BY c.n)
                                   FROM jsonb_array_elements(j.commands) WITH ORDINALITY AS c (command, n))
                           ELSE j.commands END
      FROM (SELECT seq, at FROM journal WHERE char_id = erased ORDER BY seq LIMIT most) AS u
     WHERE j.char_id = erased AND j.seq = u.seq AND j.at = u.at;
    GET DIAGNOSTICS found = ROW_COUNT;
    RETURN found;
END
$$;

-- A character that is made while its id is being erased would have passed by what is asked before; this
-- looks when the row is there, and sees what was committed until then.
CREATE FUNCTION character_is_not_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM erasures WHERE char_id = NEW.char_id) THEN
        RAISE EXCEPTION 'character % was erased', NEW.char_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER characters_stay_erased
    AFTER INSERT ON characters
    FOR EACH ROW EXECUTE FUNCTION character_is_not_erased();

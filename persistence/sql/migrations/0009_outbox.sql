-- How far each character's changes were delivered to who follows them outside; nothing of a character
-- without a row. What was refused is tried again at retry_at, less and less often.
-- The free space in each page keeps an update of seq in its page, off the index.
CREATE TABLE outbox (
    char_id  uuid PRIMARY KEY,
    seq      bigint NOT NULL CHECK (seq >= 0),
    refusals integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    problem  text NOT NULL DEFAULT ''
) WITH (fillfactor = 70);
CREATE INDEX outbox_refused ON outbox (char_id) WHERE refusals > 0;

-- Since when changes are delivered: one row, none while they are not. What was there before is not delivered.
CREATE TABLE outbox_begun (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at  timestamptz NOT NULL DEFAULT now()
);

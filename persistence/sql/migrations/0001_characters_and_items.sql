-- A character's head: who holds it (epoch), what was flushed (seq), whether a session is out (open).
-- The free space in each page keeps an update of epoch, open, seq or actor in its page, off the indexes.
CREATE TABLE characters (
    char_id     uuid PRIMARY KEY,
    name        text NOT NULL,
    actor       jsonb NOT NULL,
    epoch       bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    open        boolean NOT NULL DEFAULT false,
    incarnation bigint NOT NULL DEFAULT 0 CHECK (incarnation >= 0),
    seq         bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    created_at  timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
    quarantined text
) WITH (fillfactor = 70);

-- text_pattern_ops lets LIKE 'prefix%' use the index under any collation of the database.
CREATE INDEX characters_name ON characters (lower(name) text_pattern_ops, char_id);

-- One row an item. The place is unique only when the transaction ends, because two items that swap
-- stand in one place for a moment. A purse's slot is its template, so no slot is null and none can
-- be taken twice. The constraint's index, led by owner, is also the one that loads read by.
CREATE TABLE items (
    item_id     uuid PRIMARY KEY,
    owner       uuid NOT NULL REFERENCES characters (char_id),
    template_id text COLLATE "C" NOT NULL,
    quantity    bigint NOT NULL CHECK (quantity > 0),
    container   text COLLATE "C" NOT NULL,
    slot        text COLLATE "C" NOT NULL,
    bound       boolean NOT NULL DEFAULT false,
    locked      boolean NOT NULL DEFAULT false,
    held        boolean NOT NULL DEFAULT false,
    CONSTRAINT items_place UNIQUE (owner, container, slot) DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 90);

-- Ids under which items made elsewhere were granted. An id belongs to the character that it was first
-- granted to, for good: two sessions that both have it unflushed would otherwise meet in items. call is
-- the one that asked for it last: a call that comes to nothing gives back what it alone has asked for.
CREATE TABLE granted_ids (
    item_id uuid PRIMARY KEY,
    char_id uuid NOT NULL,
    call    text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);

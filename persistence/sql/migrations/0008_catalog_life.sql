-- Who made a version, by how many templates it differs from the one before, and whether catalog_history
-- can take it back. Of versions from before this migration nobody knows.
ALTER TABLE catalogs
    ADD COLUMN by      text NOT NULL DEFAULT '',
    ADD COLUMN added   integer,
    ADD COLUMN removed integer,
    ADD COLUMN changed integer,
    ADD COLUMN undoable boolean NOT NULL DEFAULT false;

-- A template that vanishes leaves its row for a while, marked by gone_at. Its facts are kept, retired, so
-- that an item of which PostgreSQL did not know yet goes on as it was; an import that was forced keeps
-- none, and its items are frozen. catalog is the version in which the row changed last, by which
-- processes that know an older version find what is new to them. digest tells whether the template
-- changes; null where it was never counted.
ALTER TABLE item_templates
    ADD COLUMN gone_at timestamptz,
    ADD COLUMN digest  bytea,
    ALTER COLUMN facts DROP NOT NULL,
    ALTER COLUMN data DROP NOT NULL,
    ADD CONSTRAINT item_templates_known CHECK (gone_at IS NOT NULL OR (facts IS NOT NULL AND data IS NOT NULL));
CREATE INDEX item_templates_catalog ON item_templates (catalog);
CREATE INDEX item_templates_gone ON item_templates (gone_at) WHERE gone_at IS NOT NULL;

-- What a version has replaced: the template as it was before, nulls where it was not there. From it and the
-- newest catalog, earlier ones are made again; so a version costs what it changed, and not a whole catalog.
CREATE TABLE catalog_history (
    version     bigint NOT NULL REFERENCES catalogs (version),
    template_id text COLLATE "C" NOT NULL,
    facts       jsonb,
    data        jsonb,
    PRIMARY KEY (version, template_id)
);

-- Where following an item service stands, for all processes: one row. source is a hash of the service's URL,
-- tag the entity tag of what was imported last, next_at when it is to be asked again, problem what is
-- wrong since failing_since, empty when nothing is.
CREATE TABLE catalog_feed (
    source        text PRIMARY KEY,
    tag           text NOT NULL DEFAULT '',
    next_at       timestamptz NOT NULL DEFAULT now(),
    succeeded_at  timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    problem       text NOT NULL DEFAULT ''
);

-- Every import that changed something. ruleset is the hash of the ruleset it was checked against,
-- content a hash over all templates: an import equal in both is not a new version.
CREATE TABLE catalogs (
    version     bigint PRIMARY KEY CHECK (version > 0),
    ruleset     text NOT NULL,
    content     text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now(),
    count       integer NOT NULL
);

-- The templates of the newest catalog; an import replaces them all.
CREATE TABLE item_templates (
    template_id text COLLATE "C" PRIMARY KEY,
    facts       jsonb NOT NULL,
    data        jsonb NOT NULL,
    catalog     bigint NOT NULL REFERENCES catalogs (version)
);

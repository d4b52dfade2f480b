-- Roles of one database, by its administrator, once; to run it again does no harm. Nobody can log in by
-- them: give those who do a role of their own, `CREATE ROLE … LOGIN PASSWORD … IN ROLE haversack_service`, so
-- that a password can be exchanged while the old one is still in use.
--
-- haversack_owner    owns the database and what is in it: migrations, and old weeks of the ledger
-- haversack_service  serves and flushes, and what operators do with characters and catalogs
-- haversack_support  looks
--
-- What each may do with the tables is granted by `haversack migrate`, which knows them.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['haversack_owner', 'haversack_service', 'haversack_support'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
    -- Who is no superuser can give a database only to a role that he is a member of.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT haversack_owner TO CURRENT_USER;
    END IF;
    EXECUTE format('ALTER DATABASE %I OWNER TO haversack_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO haversack_service, haversack_support', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO haversack_owner;
GRANT USAGE ON SCHEMA public TO haversack_service, haversack_support;

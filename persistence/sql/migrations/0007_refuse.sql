-- Lets a statement fail for a reason that only it knows, with all that it has done.
CREATE FUNCTION refuse(reason text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', reason;
END
$$;

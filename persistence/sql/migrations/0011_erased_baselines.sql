-- Puts the alias in the place of an erased character in its baselines, too. A trim that came in between has found
-- the entries that have the alias already, and written what they come to: of two that say the same the alias's
-- own stays. With its owner's rights, so that the role that serves need not be able to take any away.
CREATE FUNCTION baselines_forget(erased uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    stands_for uuid := (SELECT alias FROM erasures WHERE char_id = erased);
BEGIN
    IF stands_for IS NULL THEN
        RETURN;
    END IF;
    DELETE FROM baselines AS b
     USING baselines AS other
     WHERE b.char_id = erased AND other.char_id = stands_for AND other.seq = b.seq;
    UPDATE baselines SET char_id = stands_for WHERE char_id = erased;
END
$$;

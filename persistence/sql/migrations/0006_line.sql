-- The incarnation of the session whose flush moved seq last; null where nobody has said. Two sessions of one
-- character that both went on from the same seq, as on two nodes, are told apart by it.
ALTER TABLE characters ADD COLUMN line bigint;

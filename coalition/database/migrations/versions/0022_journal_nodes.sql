-- Proofs need hashes of any perfect subtree of a lane's journal. Those of 256, 65,536, ... leaves are kept as they become
-- whole, one row for 256 records; smaller ones are made from the records. Lane tables: journal_node.

CREATE TABLE journal_node (
    lane   smallint NOT NULL,
    level  smallint NOT NULL,
    place  bigint NOT NULL,
    hash   bytea NOT NULL,
    PRIMARY KEY (lane, level, place),
    CONSTRAINT journal_node_level_is_kept CHECK (level > 0 AND level % 8 = 0),
    CONSTRAINT journal_node_hash_is_sha_256 CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE journal_node IS 'Hashes of perfect subtrees of the journal''s Merkle tree (RFC 6962): of the leaves place * 2^level to (place + 1) * 2^level - 1.';

-- What is in the journal already: leaves as journal/record.py makes them, then level by level.
CREATE FUNCTION fill_journal_nodes() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMPORARY TABLE node_below ON COMMIT DROP AS
    SELECT lane, leaf AS place, sha256('\x00'::bytea || coalesce(message, decode(repeat('00', 32), 'hex'))
        || int4send(coalesce(message_index, 0)::integer) || convert_to(result, 'UTF8')) AS hash
    FROM journal;
    FOR height IN 1..56 LOOP
        CREATE TEMPORARY TABLE node_above ON COMMIT DROP AS
        SELECT below.lane, below.place / 2 AS place, sha256('\x01'::bytea || below.hash || beside.hash) AS hash
        FROM node_below AS below
        JOIN node_below AS beside ON beside.lane = below.lane AND beside.place = below.place + 1
        WHERE below.place % 2 = 0;
        DROP TABLE node_below;
        ALTER TABLE node_above RENAME TO node_below;
        IF height % 8 = 0 THEN
            INSERT INTO journal_node (lane, level, place, hash) SELECT lane, height, place, hash FROM node_below
            ON CONFLICT (lane, level, place) DO NOTHING;
        END IF;
        EXIT WHEN NOT EXISTS (SELECT FROM node_below);
    END LOOP;
    DROP TABLE node_below;
END $$;
COMMENT ON FUNCTION fill_journal_nodes IS 'Keeps the nodes that the journals should have and have not, from their records.';
SELECT fill_journal_nodes();

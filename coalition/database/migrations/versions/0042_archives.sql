-- Old windows leave for files. Lane tables: journal_block, archived_range. Local table: window_archive.
--
-- What must be at hand for ever of an archived record, its result and what a reversal of it needs, is packed, 256 records
-- in a row; lot_use has one row (leaf -1) for each lot that is still there, for all that archived records took of it.

CREATE TABLE journal_block (
    lane        smallint NOT NULL,
    place       bigint NOT NULL,
    first_leaf  bigint NOT NULL,
    end_leaf    bigint NOT NULL,
    records     bytea NOT NULL,
    PRIMARY KEY (lane, place, first_leaf),
    CONSTRAINT journal_block_range_forward CHECK (end_leaf > first_leaf),
    CONSTRAINT journal_block_within_its_place CHECK (first_leaf / 256 = place AND (end_leaf - 1) / 256 = place)
);
ALTER TABLE journal_block ALTER COLUMN records SET STORAGE EXTERNAL;
COMMENT ON TABLE journal_block IS 'Records of archived windows, of the leaves first_leaf to end_leaf - 1, all of one window.';
COMMENT ON COLUMN journal_block.records IS 'As in the archive''s file, a line of JSON for each, deflated (RFC 1950).';

CREATE TABLE archived_range (
    lane        smallint NOT NULL,
    window_no   integer NOT NULL,
    first_leaf  bigint NOT NULL,
    end_leaf    bigint NOT NULL,
    PRIMARY KEY (lane, window_no),
    CONSTRAINT archived_range_forward CHECK (end_leaf > first_leaf)
);
COMMENT ON TABLE archived_range IS 'Leaves of archived windows: their records are in journal_block, or still on the way there.';

CREATE TABLE window_archive (
    window_no    integer PRIMARY KEY,
    path         text NOT NULL,
    digest       bytea NOT NULL,
    keyid        text NOT NULL,
    records      bigint NOT NULL,
    messages     bigint NOT NULL,
    file_bytes   bigint NOT NULL,
    written_at   timestamptz NOT NULL,
    written_by   text NOT NULL,
    archived_at  timestamptz,
    CONSTRAINT window_archive_digest_is_sha_256 CHECK (octet_length(digest) = 32),
    CONSTRAINT window_archive_counts_not_negative CHECK (records >= 0 AND messages >= 0 AND file_bytes > 0)
);
COMMENT ON COLUMN window_archive.digest IS 'SHA-256 of the file''s lines but the last, as its hub key signed it.';
COMMENT ON COLUMN window_archive.archived_at IS 'When the last of its records and messages had left their tables; null: under way.';

ALTER TABLE programme
    ADD COLUMN archive_after_days integer NOT NULL DEFAULT 410,
    ADD CONSTRAINT programme_archive_after_days_within_limits CHECK (archive_after_days BETWEEN 0 AND 36500);
COMMENT ON COLUMN programme.archive_after_days IS 'A window may be archived so many days after its close; more than 400, so that no message of it can still be sent.';

COMMENT ON TABLE lot_use IS 'What a record took of which lots: a burn, a reversal of an earn, the repayment of a debt; restored counts what a burn''s reversals brought back. Leaf -1: what all archived records took.';

-- What was tried of late, and which nonces were used: local tables, the same for all processes of all hubs.
-- Unlogged: they are about the last minutes, and are empty after a crash of the database.

CREATE UNLOGGED TABLE attempt (
    attempt     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    key_digest  bytea NOT NULL,
    tried_at    timestamptz NOT NULL
);
CREATE INDEX attempt_of_key ON attempt (kind, key_digest, tried_at);
CREATE INDEX attempt_in_time ON attempt (tried_at);
COMMENT ON COLUMN attempt.kind IS 'Which limit it counts for.';
COMMENT ON COLUMN attempt.key_digest IS 'SHA-256 of who tried: a name, an address, or both; they are not kept.';

CREATE UNLOGGED TABLE nonce (
    digest    bytea PRIMARY KEY,
    spent_at  timestamptz NOT NULL
);
CREATE INDEX nonce_in_time ON nonce (spent_at);
COMMENT ON COLUMN nonce.digest IS 'SHA-256 of the key''s id and the nonce.';

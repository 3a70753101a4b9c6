-- Browsers in which a member has signed in: their codes are counted by themselves, so that nobody else uses them up.

CREATE TABLE known_browser (
    token_digest  bytea PRIMARY KEY,
    member        bigint NOT NULL,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX known_browser_by_expiry ON known_browser (expires_at);
COMMENT ON COLUMN known_browser.token_digest IS 'SHA-256 of what the browser keeps; it opens nothing.';

ALTER TABLE sign_in_code ADD COLUMN known_browser bytea;
COMMENT ON COLUMN sign_in_code.known_browser IS 'The digest of the browser that asked; NULL: one that the member has not signed in with.';

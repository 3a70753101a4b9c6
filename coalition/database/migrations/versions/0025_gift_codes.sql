-- Points that members give each other on their pages, each gift agreed to with a code by mail. A local table.

CREATE TABLE gift_code (
    member      bigint PRIMARY KEY REFERENCES member,
    to_card     text NOT NULL,
    points      bigint NOT NULL,
    salt        bytea NOT NULL,
    digest      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    attempts    smallint NOT NULL DEFAULT 0,
    is_over     boolean NOT NULL DEFAULT false,
    sent        timestamptz[] NOT NULL
);
COMMENT ON TABLE gift_code IS 'The gift that a member asked for last; of its code only a digest.';
COMMENT ON COLUMN gift_code.sent IS 'When codes went to the member within the last hour, so that they stay few.';

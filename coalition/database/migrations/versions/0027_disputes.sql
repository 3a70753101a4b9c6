-- What partners dispute of their shares, with their own signed messages. Local table.

CREATE TABLE dispute (
    dispute          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner          bigint NOT NULL,
    window_no        integer NOT NULL,
    line_code        text,
    terms_version    integer,
    operation_ids    text[] NOT NULL,
    amount_minor     bigint NOT NULL,
    held_minor       bigint NOT NULL,
    reason           text NOT NULL,
    state            text NOT NULL DEFAULT 'OPEN',
    answer_until     date NOT NULL,
    accepted_minor   bigint,
    answer           text,
    resolved_at      timestamptz,
    resolved_by      text,
    digest           bytea NOT NULL,
    keyid            text NOT NULL,
    received_at      timestamptz NOT NULL,
    authority        text NOT NULL,
    target           text NOT NULL,
    signature_input  text NOT NULL,
    signature        text NOT NULL,
    content_digest   text NOT NULL,
    body             bytea NOT NULL,
    CONSTRAINT dispute_sent_once UNIQUE (partner, digest),
    CONSTRAINT dispute_state_known CHECK (state IN ('OPEN', 'ACCEPTED', 'REJECTED', 'FALLEN')),
    CONSTRAINT dispute_amounts_within_claim CHECK (
        amount_minor > 0 AND held_minor BETWEEN 0 AND amount_minor AND accepted_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT dispute_resolved_by_somebody CHECK ((state = 'OPEN') = (resolved_at IS NULL))
);
CREATE INDEX dispute_by_window ON dispute (window_no, partner);
CREATE INDEX dispute_open ON dispute (answer_until) WHERE state = 'OPEN';
COMMENT ON TABLE dispute IS 'line_code null: by its operations. held_minor: taken out of what is payable when it came. FALLEN: its statement was replaced.';
COMMENT ON COLUMN dispute.accepted_minor IS 'What the operator owes the partner by it, of the amount claimed; a correction bills it.';

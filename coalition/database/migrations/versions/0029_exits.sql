-- Partners that leave: no more earns at once, burns for a tail, then none. Local table.

CREATE TABLE partner_exit (
    partner       bigint PRIMARY KEY,
    announced_at  timestamptz NOT NULL,
    announced_by  text NOT NULL,
    tail_months   smallint NOT NULL,
    burns_until   timestamptz NOT NULL,
    ended_at      timestamptz,
    final_window  integer,
    CONSTRAINT partner_exit_tail_within_limits CHECK (tail_months BETWEEN 0 AND 60),
    CONSTRAINT partner_exit_ended_in_a_window CHECK ((ended_at IS NULL) = (final_window IS NULL))
);
COMMENT ON COLUMN partner_exit.burns_until IS 'The first moment at which the partner''s burns are refused, whether or not anybody has marked the end.';
COMMENT ON COLUMN partner_exit.final_window IS 'The window that was open when the tail ended: its statement is the partner''s last.';

-- What a card may do: its own state, and its member's right within a household. Members of a household share an account.

ALTER TABLE card
    ADD COLUMN state text NOT NULL DEFAULT 'active',
    ADD COLUMN replaced_by text,
    ADD COLUMN state_since timestamptz,
    ADD CONSTRAINT card_state_known CHECK (state IN ('active', 'blocked', 'replaced', 'closed')),
    ADD CONSTRAINT card_is_replaced_by_another CHECK ((state = 'replaced') = (replaced_by IS NOT NULL));
COMMENT ON COLUMN card.state IS 'blocked: by whoever lost it, may come back; replaced and closed: for good. What began with it may be finished.';

ALTER TABLE member ADD COLUMN may_burn boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN member.may_burn IS 'Whether this member of a household may spend its points; each may collect.';
CREATE INDEX card_by_account ON card (lane, account);

CREATE TABLE card_move (
    move      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    card      text NOT NULL,
    what      text NOT NULL,
    actor     text NOT NULL,
    moved_at  timestamptz NOT NULL
);
CREATE INDEX card_move_by_card ON card_move (card, move);
COMMENT ON TABLE card_move IS 'Who did what to a card, and when: issued, blocked, unblocked, replaced, joined, left, closed.';

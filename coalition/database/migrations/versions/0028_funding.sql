-- Who pays for points and when; blocks that are paid before; terms that one person drafts and another approves.
-- Reference tables: programme, terms. Local tables: prepaid_block, prepaid_account, terms_draft, net_debit_cap.

ALTER TABLE programme
    ADD COLUMN funding text NOT NULL DEFAULT 'pool',
    ADD CONSTRAINT programme_funding_known CHECK (funding IN ('pool', 'issuer_pays', 'prepaid'));
COMMENT ON COLUMN programme.funding IS 'Of the first terms of a partner that is taken in without saying otherwise.';

ALTER TABLE terms
    ADD COLUMN funding text NOT NULL DEFAULT 'pool',
    ADD COLUMN approved_by text,
    ADD COLUMN approved_at timestamptz,
    ADD CONSTRAINT terms_funding_known CHECK (funding IN ('pool', 'issuer_pays', 'prepaid'));
COMMENT ON COLUMN terms.funding IS 'How points issued under it are paid for. pool: when issued; issuer_pays: when redeemed; prepaid: before, as blocks.';
COMMENT ON COLUMN terms.approved_by IS 'Who approved the draft that it was; null: it was never a draft, as the terms that a partner is taken in with.';

CREATE TABLE terms_draft (
    draft         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner       bigint NOT NULL,
    base_version  integer NOT NULL,
    content       text NOT NULL,
    drafted_by    text NOT NULL,
    drafted_at    timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'DRAFT',
    decided_by    text,
    decided_at    timestamptz,
    version       integer,
    CONSTRAINT terms_draft_state_known CHECK (state IN ('DRAFT', 'APPROVED', 'WITHDRAWN')),
    CONSTRAINT terms_draft_decided_by_somebody CHECK ((state = 'DRAFT') = (decided_by IS NULL)),
    CONSTRAINT terms_draft_approved_is_version CHECK ((state = 'APPROVED') = (version IS NOT NULL))
);
CREATE INDEX terms_draft_by_partner ON terms_draft (partner, draft);
COMMENT ON TABLE terms_draft IS 'Terms that nobody has approved yet: neither the hub nor the bill knows them.';
COMMENT ON COLUMN terms_draft.base_version IS 'The version that it was drafted after; approved only while that is the last one.';
COMMENT ON COLUMN terms_draft.content IS 'All fields of the version to be, as JSON.';

CREATE TABLE prepaid_block (
    block          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner        bigint NOT NULL,
    window_no      integer NOT NULL,
    points         bigint NOT NULL,
    price          numeric(12, 6) NOT NULL,
    vat            text NOT NULL,
    terms_version  integer NOT NULL,
    bought_by      text NOT NULL,
    bought_at      timestamptz NOT NULL,
    CONSTRAINT prepaid_block_points_positive CHECK (points > 0),
    CONSTRAINT prepaid_block_price_not_negative CHECK (price >= 0)
);
CREATE INDEX prepaid_block_by_partner ON prepaid_block (partner, window_no);
COMMENT ON TABLE prepaid_block IS 'Points that a partner has bought before issuing them, billed in window_no.';

CREATE TABLE prepaid_account (
    partner     bigint PRIMARY KEY REFERENCES partner,
    overdraft   text NOT NULL,
    warn_below  bigint,
    set_by      text NOT NULL,
    set_at      timestamptz NOT NULL,
    CONSTRAINT prepaid_account_overdraft_known CHECK (overdraft IN ('billed', 'refused')),
    CONSTRAINT prepaid_account_warning_not_negative CHECK (warn_below >= 0)
);
COMMENT ON TABLE prepaid_account IS 'What happens to earns beyond a partner''s blocks; no row: they are billed, without a warning.';

ALTER TABLE net_debit_cap
    ADD COLUMN basis text NOT NULL DEFAULT 'money',
    ADD CONSTRAINT net_debit_cap_basis_known CHECK (basis IN ('money', 'points'));
COMMENT ON COLUMN net_debit_cap.basis IS 'money: cap_minor is in minor units, of what is unpaid; points: it is the points bought as blocks, of all issued under terms that prepay.';

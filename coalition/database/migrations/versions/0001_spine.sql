-- The spine: who takes part, the lanes with their journals, accounts and lots, windows with their totals.
--
-- Lane tables (each primary key begins with lane; on Citus distributed by it):
--   lane, lane_window, message, operation, journal, account, lot, lot_use, reversal, window_total
-- Reference tables (small, read everywhere):
--   programme, partner, partner_key, hub_key, terms, card, member, clearing_window, window_share
-- Local tables (never joined with lane tables):
--   window_move, operator, session, sign_in_code

CREATE TABLE programme (
    only_row        boolean PRIMARY KEY DEFAULT true,
    name            text NOT NULL,
    currency        text NOT NULL,
    minor_unit      smallint NOT NULL,
    time_zone       text NOT NULL,
    point_value     numeric(12, 6) NOT NULL,
    lanes           smallint NOT NULL,
    expiry_months   integer,
    created_at      timestamptz NOT NULL,
    CONSTRAINT programme_has_one_row CHECK (only_row),
    CONSTRAINT programme_currency_is_iso_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT programme_lanes_within_limits CHECK (lanes BETWEEN 1 AND 1024),
    CONSTRAINT programme_point_value_positive CHECK (point_value > 0),
    CONSTRAINT programme_expiry_months_positive CHECK (expiry_months > 0)
);
COMMENT ON COLUMN programme.expiry_months IS 'Points expire at the end of the month this many months after the sale; null: never.';

CREATE TABLE partner (
    partner     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    status      text NOT NULL DEFAULT 'active',
    may_earn    boolean NOT NULL DEFAULT true,
    may_burn    boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL,
    CONSTRAINT partner_name_unique UNIQUE (name),
    CONSTRAINT partner_status_known CHECK (status IN ('active', 'suspended', 'left'))
);

CREATE TABLE partner_key (
    keyid        text PRIMARY KEY,
    partner      bigint NOT NULL REFERENCES partner,
    public_key   bytea NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_until  timestamptz,
    CONSTRAINT partner_key_is_ed25519 CHECK (octet_length(public_key) = 32),
    CONSTRAINT partner_key_interval_forward CHECK (valid_until > valid_from)
);
COMMENT ON TABLE partner_key IS 'Never deleted: evidence stays verifiable for years. Several may be valid at once.';

CREATE TABLE hub_key (
    keyid        text PRIMARY KEY,
    public_key   bytea NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_until  timestamptz,
    CONSTRAINT hub_key_is_ed25519 CHECK (octet_length(public_key) = 32)
);

CREATE TABLE terms (
    partner           bigint NOT NULL REFERENCES partner,
    version           integer NOT NULL,
    valid_from        timestamptz NOT NULL,
    earn_rate         numeric(12, 6),
    issue_price       numeric(12, 6) NOT NULL,
    service_fee       numeric(12, 6) NOT NULL,
    redemption_price  numeric(12, 6) NOT NULL,
    commission        numeric(7, 6) NOT NULL,
    platform_fee      numeric(14, 2) NOT NULL,
    created_at        timestamptz NOT NULL,
    created_by        text NOT NULL,
    PRIMARY KEY (partner, version),
    CONSTRAINT terms_versions_start_apart UNIQUE (partner, valid_from),
    CONSTRAINT terms_version_positive CHECK (version > 0),
    CONSTRAINT terms_prices_not_negative CHECK (
        issue_price >= 0 AND service_fee >= 0 AND redemption_price >= 0 AND platform_fee >= 0
        AND commission BETWEEN 0 AND 1 AND (earn_rate IS NULL OR earn_rate > 0))
);
COMMENT ON COLUMN terms.earn_rate IS 'Points per unit of the programme''s currency, for earns sent without points; null: points must be sent.';

CREATE TABLE member (
    member      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text NOT NULL,
    name        text NOT NULL,
    language    text NOT NULL DEFAULT 'en',
    lane        smallint NOT NULL,
    account     bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT member_email_unique UNIQUE (email)
);
CREATE INDEX member_by_account ON member (lane, account);

CREATE TABLE card (
    card       text PRIMARY KEY,
    member     bigint NOT NULL REFERENCES member,
    lane       smallint NOT NULL,
    account    bigint NOT NULL,
    issued_at  timestamptz NOT NULL
);
CREATE INDEX card_by_member ON card (member);

CREATE SEQUENCE account_number AS bigint;

CREATE TABLE clearing_window (
    window_no   integer PRIMARY KEY,
    state       text NOT NULL DEFAULT 'OPEN',
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    CONSTRAINT clearing_window_number_positive CHECK (window_no > 0),
    CONSTRAINT clearing_window_state_known CHECK (
        state IN ('OPEN', 'CLOSED', 'CALCULATED', 'APPROVED', 'INVOICED', 'SETTLING', 'SETTLED'))
);

CREATE TABLE window_share (
    window_no      integer NOT NULL REFERENCES clearing_window,
    partner        bigint NOT NULL REFERENCES partner,
    state          text NOT NULL,
    net_minor      bigint NOT NULL,
    charge_minor   bigint NOT NULL,
    credit_minor   bigint NOT NULL,
    statement      text NOT NULL,
    calculated_at  timestamptz NOT NULL,
    PRIMARY KEY (window_no, partner),
    CONSTRAINT window_share_state_known CHECK (
        state IN ('CALCULATED', 'ACCEPTED', 'DISPUTED', 'INVOICED', 'PAID', 'OVERDUE', 'DEFAULTED', 'CARRIED_FORWARD'))
);
COMMENT ON COLUMN window_share.statement IS 'The statement''s JSON, byte for byte as calculated.';

CREATE TABLE window_move (
    move        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    window_no   integer NOT NULL,
    from_state  text NOT NULL,
    to_state    text NOT NULL,
    actor       text NOT NULL,
    moved_at    timestamptz NOT NULL
);
CREATE INDEX window_move_by_window ON window_move (window_no, move);

CREATE TABLE lane (
    lane            smallint PRIMARY KEY,
    window_no       integer NOT NULL,
    size            bigint NOT NULL DEFAULT 0,
    frontier        bytea NOT NULL DEFAULT '',
    outstanding     bigint NOT NULL DEFAULT 0,
    last_booked_at  timestamptz NOT NULL
);
COMMENT ON TABLE lane IS 'Its row lock orders the journal: one batch of one lane at a time.';
COMMENT ON COLUMN lane.frontier IS 'Hashes of the perfect subtrees of the journal''s Merkle tree, largest first, 32 bytes each.';
COMMENT ON COLUMN lane.outstanding IS 'Points: the sum of all balances of the lane.';

CREATE TABLE lane_window (
    lane         smallint NOT NULL,
    window_no    integer NOT NULL,
    first_leaf   bigint NOT NULL,
    end_leaf     bigint NOT NULL,
    root         bytea NOT NULL,
    outstanding  bigint NOT NULL,
    closed_at    timestamptz NOT NULL,
    PRIMARY KEY (lane, window_no),
    CONSTRAINT lane_window_range_forward CHECK (end_leaf > first_leaf)
);
COMMENT ON TABLE lane_window IS 'A closed window in one lane: leaves first_leaf to end_leaf - 1, the last one the close record; root and outstanding at its end.';

CREATE TABLE message (
    lane             smallint NOT NULL,
    partner          bigint NOT NULL,
    digest           bytea NOT NULL,
    keyid            text NOT NULL,
    received_at      timestamptz NOT NULL,
    authority        text NOT NULL,
    target           text NOT NULL,
    signature_input  text NOT NULL,
    signature        text NOT NULL,
    content_digest   text NOT NULL,
    body             bytea NOT NULL,
    PRIMARY KEY (lane, partner, digest),
    CONSTRAINT message_digest_is_sha_256 CHECK (octet_length(digest) = 32)
);
COMMENT ON TABLE message IS 'Evidence: the bytes and signature of each POST /v1/messages, committed before its operations; lane = first byte of the digest modulo lanes.';

CREATE TABLE operation (
    lane          smallint NOT NULL,
    partner       bigint NOT NULL,
    operation_id  text NOT NULL,
    content       bytea NOT NULL,
    leaf          bigint NOT NULL,
    PRIMARY KEY (lane, partner, operation_id)
);
COMMENT ON TABLE operation IS 'Identity of operations, for ever: content is the first 16 bytes of the SHA-256 of what was asked.';

CREATE TABLE journal (
    lane           smallint NOT NULL,
    leaf           bigint NOT NULL,
    window_no      integer NOT NULL,
    kind           text NOT NULL,
    code           text,
    partner        bigint,
    operation_id   text,
    account        bigint,
    points         bigint NOT NULL,
    terms_version  integer,
    original_leaf  bigint,
    shop           text,
    till           text,
    reference      text,
    occurred_at    timestamptz,
    booked_at      timestamptz NOT NULL,
    message        bytea,
    message_index  smallint,
    result         text NOT NULL,
    PRIMARY KEY (lane, leaf),
    CONSTRAINT journal_kind_known CHECK (kind IN ('earn', 'burn', 'reverse_earn', 'reverse_burn', 'close')),
    CONSTRAINT journal_points_not_negative CHECK (points >= 0)
);
-- Earns are found through their lots, so that the common record pays for no second index.
CREATE INDEX journal_by_account ON journal (lane, account, leaf) WHERE kind <> 'earn' OR code IS NOT NULL;
COMMENT ON COLUMN journal.code IS 'Why it was refused; null: booked.';
COMMENT ON COLUMN journal.result IS 'The result as answered, byte for byte; hashed into the leaf with the message''s digest and the index in it.';

CREATE TABLE account (
    lane       smallint NOT NULL,
    account    bigint NOT NULL,
    balance    bigint NOT NULL DEFAULT 0,
    held       bigint NOT NULL DEFAULT 0,
    debt       bigint NOT NULL DEFAULT 0,
    opened_at  timestamptz NOT NULL,
    PRIMARY KEY (lane, account),
    CONSTRAINT account_held_not_negative CHECK (held >= 0),
    CONSTRAINT account_debt_not_negative CHECK (debt >= 0),
    CONSTRAINT account_negative_only_by_debt CHECK (balance >= -debt)
) WITH (fillfactor = 80);
COMMENT ON COLUMN account.balance IS 'Points: the sum of its lots less its debt; holds are part of it.';

CREATE TABLE lot (
    lane           smallint NOT NULL,
    account        bigint NOT NULL,
    leaf           bigint NOT NULL,
    part           smallint NOT NULL,
    issuer         bigint NOT NULL,
    payer          bigint NOT NULL,
    month_of_sale  date NOT NULL,
    vat_rate       numeric(4, 2),
    expires_on     date,
    points         bigint NOT NULL,
    remaining      bigint NOT NULL,
    PRIMARY KEY (lane, account, leaf, part),
    CONSTRAINT lot_remaining_within_points CHECK (remaining BETWEEN 0 AND points)
) WITH (fillfactor = 90);
COMMENT ON COLUMN lot.leaf IS 'The earn that made it; part counts its shares by payer and VAT rate.';
COMMENT ON COLUMN lot.expires_on IS 'First day, in the programme''s time zone, on which the points can no longer be spent.';

CREATE TABLE lot_use (
    lane      smallint NOT NULL,
    leaf      bigint NOT NULL,
    lot_leaf  bigint NOT NULL,
    lot_part  smallint NOT NULL,
    points    bigint NOT NULL,
    restored  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (lane, leaf, lot_leaf, lot_part),
    CONSTRAINT lot_use_restored_within_points CHECK (restored BETWEEN 0 AND points)
);
COMMENT ON TABLE lot_use IS 'What a record took of which lots: a burn, a reversal of an earn, the repayment of a debt; restored counts what a burn''s reversals brought back.';

CREATE TABLE reversal (
    lane           smallint NOT NULL,
    original_leaf  bigint NOT NULL,
    leaf           bigint NOT NULL,
    points         bigint NOT NULL,
    PRIMARY KEY (lane, original_leaf, leaf),
    CONSTRAINT reversal_points_positive CHECK (points > 0)
);

CREATE TABLE window_total (
    lane           smallint NOT NULL,
    window_no      integer NOT NULL,
    partner        bigint NOT NULL,
    kind           text NOT NULL,
    terms_version  integer NOT NULL,
    vat_rate       text NOT NULL,
    points         bigint NOT NULL,
    operations     bigint NOT NULL,
    first_occurred_at timestamptz NOT NULL,
    last_occurred_at timestamptz NOT NULL,
    PRIMARY KEY (lane, window_no, partner, kind, terms_version, vat_rate),
    CONSTRAINT window_total_kind_known CHECK (kind IN ('issued', 'issue_reversed', 'redeemed', 'redeem_reversed')),
    CONSTRAINT window_total_not_negative CHECK (points >= 0 AND operations >= 0)
) WITH (fillfactor = 50);
COMMENT ON COLUMN window_total.vat_rate IS 'As the earn stated it, per cent; empty: not stated, or a burn.';
COMMENT ON COLUMN window_total.operations IS 'Operations with at least one point in this row; an earn of two VAT rates counts in the row of its first.';

CREATE TABLE operator (
    operator       text PRIMARY KEY,
    password_hash  text NOT NULL,
    roles          text[] NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT operator_roles_known CHECK (roles <@ ARRAY['read', 'operate', 'approve'])
);

CREATE TABLE session (
    token_digest  bytea PRIMARY KEY,
    area          text NOT NULL,
    subject       text NOT NULL,
    csrf_token    text NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    CONSTRAINT session_area_known CHECK (area IN ('member', 'finance'))
);
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE sign_in_code (
    ticket_digest  bytea PRIMARY KEY,
    email          text NOT NULL,
    code_digest    bytea NOT NULL,
    attempts       smallint NOT NULL DEFAULT 0,
    sent_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL
);
CREATE INDEX sign_in_code_by_email ON sign_in_code (email, sent_at);
CREATE INDEX sign_in_code_by_age ON sign_in_code (sent_at);
COMMENT ON TABLE sign_in_code IS 'A row per browser that asked: its ticket and its code as SHA-256. Kept past expires_at while it counts towards the codes of an hour.';

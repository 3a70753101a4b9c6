-- Joint promotions. Lane tables: promotion_allowance, promotion_share. Reference tables: promotion, promotion_payer,
-- promotion_issuer. Local table: promotion_budget, whose row lock lets one lane at a time ask for more.

CREATE TABLE promotion (
    promotion   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    CONSTRAINT promotion_name_unique UNIQUE (name),
    CONSTRAINT promotion_name_is_no_number CHECK (name !~ '^[0-9]+$'),
    CONSTRAINT promotion_ends_after_its_start CHECK (ends_at >= starts_at)
);
COMMENT ON COLUMN promotion.ends_at IS 'Sales from this moment on are no part of it.';

CREATE TABLE promotion_payer (
    promotion  bigint NOT NULL REFERENCES promotion,
    place      smallint NOT NULL,
    partner    bigint NOT NULL REFERENCES partner,
    share      integer NOT NULL,
    PRIMARY KEY (promotion, place),
    CONSTRAINT promotion_payer_named_once UNIQUE (promotion, partner),
    CONSTRAINT promotion_payer_share_positive CHECK (share > 0)
);
COMMENT ON COLUMN promotion_payer.place IS 'In the order stated: of points that can not be split, the first gets the first.';

CREATE TABLE promotion_issuer (
    promotion  bigint NOT NULL REFERENCES promotion,
    partner    bigint NOT NULL REFERENCES partner,
    PRIMARY KEY (promotion, partner)
);
COMMENT ON TABLE promotion_issuer IS 'Who may name the promotion in its earns.';

CREATE TABLE promotion_budget (
    promotion  bigint PRIMARY KEY,
    budget     bigint NOT NULL,
    granted    bigint NOT NULL DEFAULT 0,
    CONSTRAINT promotion_budget_never_passed CHECK (granted BETWEEN 0 AND budget)
);
COMMENT ON TABLE promotion_budget IS 'In points. granted is the sum of what the lanes were granted, in the same transaction.';

CREATE TABLE promotion_allowance (
    lane       smallint NOT NULL,
    promotion  bigint NOT NULL,
    granted    bigint NOT NULL,
    used       bigint NOT NULL,
    PRIMARY KEY (lane, promotion),
    CONSTRAINT promotion_allowance_never_passed CHECK (used BETWEEN 0 AND granted)
) WITH (fillfactor = 50);
COMMENT ON TABLE promotion_allowance IS 'What a lane may use of a budget without asking; used is what it earned less what was reversed.';

CREATE TABLE promotion_share (
    lane           smallint NOT NULL,
    leaf           bigint NOT NULL,
    part           smallint NOT NULL,
    promotion      bigint NOT NULL,
    payer          bigint NOT NULL,
    terms_version  integer NOT NULL,
    vat_rate       text NOT NULL,
    points         bigint NOT NULL,
    PRIMARY KEY (lane, leaf, part),
    CONSTRAINT promotion_share_points_positive CHECK (points > 0)
);
COMMENT ON TABLE promotion_share IS 'What the earn or reversal at leaf billed to whom, and by which of the payer''s terms; part as of the earn''s lots, counted anew for a reversal.';

CREATE FUNCTION write_promotions(
    p_lane smallint,
    p_shares promotion_share[],
    p_promotions bigint[],
    p_used bigint[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO promotion_share SELECT * FROM unnest(p_shares);
    UPDATE promotion_allowance SET used = p_used[array_position(p_promotions, promotion)]
    WHERE lane = p_lane AND promotion = ANY(p_promotions);
END $$;
COMMENT ON FUNCTION write_promotions IS 'Writes what a batch billed by share, and what it used of allowances that it has locked.';

-- Limits. Lane tables: account_usage, card_usage, step_up_code; one row for each account or card, so that none piles up.

ALTER TABLE programme
    ADD COLUMN burn_points_min bigint,
    ADD COLUMN burn_points_per_day_max bigint,
    ADD COLUMN earns_per_card_per_day_max integer,
    ADD COLUMN step_up_above bigint,
    ADD COLUMN operations_per_card_max integer,
    ADD COLUMN velocity_window_s integer NOT NULL DEFAULT 60,
    ADD CONSTRAINT programme_burn_points_min_positive CHECK (burn_points_min > 0),
    ADD CONSTRAINT programme_burns_of_a_day_reach_the_minimum CHECK (burn_points_per_day_max >= coalesce(burn_points_min, 1)),
    ADD CONSTRAINT programme_earns_per_card_positive CHECK (earns_per_card_per_day_max > 0),
    ADD CONSTRAINT programme_step_up_above_not_negative CHECK (step_up_above >= 0),
    ADD CONSTRAINT programme_operations_per_card_within_limits CHECK (operations_per_card_max BETWEEN 1 AND 100),
    ADD CONSTRAINT programme_velocity_window_within_limits CHECK (velocity_window_s BETWEEN 1 AND 86400);
COMMENT ON COLUMN programme.burn_points_per_day_max IS 'For an account, over all its cards and all partners; null: no limit, as with the others.';
COMMENT ON COLUMN programme.operations_per_card_max IS 'Earns, burns and reserves booked within velocity_window_s.';

CREATE TABLE account_usage (
    lane     smallint NOT NULL,
    account  bigint NOT NULL,
    day      date NOT NULL,
    burned   bigint NOT NULL,
    PRIMARY KEY (lane, account),
    CONSTRAINT account_usage_burned_not_negative CHECK (burned >= 0)
);
COMMENT ON TABLE account_usage IS 'Points burned on day, the last one on which any were; written while a limit is on. On another day they count as none.';

CREATE TABLE card_usage (
    lane     smallint NOT NULL,
    card     text NOT NULL,
    day      date NOT NULL,
    earns    integer NOT NULL,
    moments  timestamptz[] NOT NULL,
    PRIMARY KEY (lane, card)
);
COMMENT ON TABLE card_usage IS 'Earns of day, and when the last operations were booked; written while a limit is on.';

CREATE TABLE step_up_code (
    lane        smallint NOT NULL,
    account     bigint NOT NULL,
    partner     bigint,
    points      bigint NOT NULL,
    salt        bytea NOT NULL,
    digest      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    used_leaf   bigint,
    sent        timestamptz[] NOT NULL,
    PRIMARY KEY (lane, account)
);
COMMENT ON TABLE step_up_code IS 'The last code for a large burn that a member was sent, and when those of the last hour were; partner null: it holds at any.';

CREATE FUNCTION load_usage(
    p_lane smallint,
    p_accounts bigint[],
    p_cards text[],
    OUT accounts account_usage[],
    OUT cards card_usage[],
    OUT codes step_up_code[]
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    SELECT array_agg(u) INTO accounts FROM account_usage AS u WHERE u.lane = p_lane AND u.account = ANY(p_accounts);
    SELECT array_agg(u) INTO cards FROM card_usage AS u WHERE u.lane = p_lane AND u.card = ANY(p_cards);
    SELECT array_agg(c) INTO codes FROM step_up_code AS c WHERE c.lane = p_lane AND c.account = ANY(p_accounts);
END $$;
COMMENT ON FUNCTION load_usage IS 'Returns what counts up to the limits, of a lane whose lock the caller holds.';

CREATE FUNCTION write_usage(
    p_lane smallint,
    p_accounts account_usage[],
    p_cards card_usage[],
    p_code_accounts bigint[],
    p_code_attempts integer[],
    p_code_used_leaves bigint[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO account_usage SELECT * FROM unnest(p_accounts)
    ON CONFLICT (lane, account) DO UPDATE SET day = excluded.day, burned = excluded.burned;
    INSERT INTO card_usage SELECT * FROM unnest(p_cards)
    ON CONFLICT (lane, card) DO UPDATE
    SET day = excluded.day, earns = excluded.earns, moments = excluded.moments;
    IF cardinality(p_code_accounts) > 0 THEN
        UPDATE step_up_code
        SET attempts = p_code_attempts[array_position(p_code_accounts, account)],
            used_leaf = p_code_used_leaves[array_position(p_code_accounts, account)]
        WHERE lane = p_lane AND account = ANY(p_code_accounts);
    END IF;
END $$;
COMMENT ON FUNCTION write_usage IS 'Writes what counts up to the limits after a batch of a lane whose lock the caller holds.';

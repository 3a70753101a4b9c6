-- The second book: what went into lots and out of them, by their origin; and what each lane had at the end of a day.
-- Lane tables: lot_total, lane_day.

CREATE TABLE lot_total (
    lane           smallint NOT NULL,
    window_no      integer NOT NULL,
    payer          bigint NOT NULL,
    kind           text NOT NULL,
    counterparty   bigint NOT NULL,
    terms_version  integer NOT NULL,
    month_of_sale  date NOT NULL,
    vat_rate       text NOT NULL,
    points         bigint NOT NULL,
    PRIMARY KEY (lane, window_no, payer, kind, counterparty, terms_version, month_of_sale, vat_rate),
    CONSTRAINT lot_total_kind_known CHECK (kind IN (
        'issued', 'issue_reversed', 'redeemed', 'redeem_reversed', 'expired', 'moved_out', 'moved_in', 'repaid')),
    CONSTRAINT lot_total_points_positive CHECK (points > 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE lot_total IS 'Points that came into lots (issued, redeem_reversed, moved_in) or left them, by who paid for the lots, the month of their sale and its VAT rate; counted apart from window_total, with which it must agree.';
COMMENT ON COLUMN lot_total.counterparty IS 'The partner that issued, redeemed or took back; 0: nobody.';
COMMENT ON COLUMN lot_total.terms_version IS 'The counterparty''s, by which the operation is priced; 0: none.';
COMMENT ON COLUMN lot_total.vat_rate IS 'Of the sale that the points came from, per cent; empty: not stated.';

CREATE TABLE lane_day (
    lane         smallint NOT NULL,
    day          date NOT NULL,
    outstanding  bigint NOT NULL,
    PRIMARY KEY (lane, day)
) WITH (fillfactor = 50);
COMMENT ON TABLE lane_day IS 'Points outstanding in a lane at the end of each day, in the programme''s time zone, on which it booked any.';

-- What lay in lots before there was this book opens it, in the window before the first.
INSERT INTO lot_total (lane, window_no, payer, kind, counterparty, terms_version, month_of_sale, vat_rate, points)
SELECT lane, 0, payer, 'moved_in', 0, 0, month_of_sale, coalesce(trim_scale(vat_rate)::text, ''), sum(remaining)
FROM lot WHERE remaining > 0
GROUP BY lane, payer, month_of_sale, vat_rate;

DROP FUNCTION write_batch;
CREATE FUNCTION write_batch(
    p_state lane,
    p_records journal[],
    p_operations operation[],
    p_new_lots lot[],
    p_changed_lots lot[],
    p_uses lot_use[],
    p_reversals reversal[],
    p_holds hold[],
    p_accounts bigint[],
    p_balances bigint[],
    p_held bigint[],
    p_debts bigint[],
    p_next_expiries date[],
    p_totals window_total[],
    p_lot_totals lot_total[],
    p_day date
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO journal SELECT * FROM unnest(p_records);
    INSERT INTO operation SELECT * FROM unnest(p_operations);
    INSERT INTO lot SELECT * FROM unnest(p_new_lots);
    IF cardinality(p_changed_lots) > 0 THEN
        -- All of these lots are there. An UPDATE joined to the array would do the same, but the planner may run such a
        -- join through all pairs of the accounts' lots and the changed ones; a conflict is found by the whole key.
        INSERT INTO lot SELECT * FROM unnest(p_changed_lots)
        ON CONFLICT (lane, account, leaf, part) DO UPDATE
        SET remaining = excluded.remaining, expires_on = excluded.expires_on;
    END IF;
    IF cardinality(p_uses) > 0 THEN
        INSERT INTO lot_use SELECT * FROM unnest(p_uses)
        ON CONFLICT (lane, leaf, lot_leaf, lot_part) DO UPDATE SET restored = excluded.restored;
    END IF;
    IF cardinality(p_reversals) > 0 THEN
        INSERT INTO reversal SELECT * FROM unnest(p_reversals);
    END IF;
    IF cardinality(p_holds) > 0 THEN
        INSERT INTO hold SELECT * FROM unnest(p_holds)
        ON CONFLICT (lane, leaf) DO UPDATE
        SET state = excluded.state, captured = excluded.captured, resolved_leaf = excluded.resolved_leaf;
    END IF;
    -- No join here either: width_bucket finds an account's place in the sorted array by halving.
    UPDATE account
    SET balance = p_balances[width_bucket(account, p_accounts)],
        held = p_held[width_bucket(account, p_accounts)],
        debt = p_debts[width_bucket(account, p_accounts)],
        next_expires_on = p_next_expiries[width_bucket(account, p_accounts)]
    WHERE lane = (p_state).lane AND account = ANY(p_accounts);
    INSERT INTO window_total SELECT * FROM unnest(p_totals)
    ON CONFLICT (lane, window_no, partner, kind, terms_version, vat_rate) DO UPDATE
    SET points = window_total.points + excluded.points,
        operations = window_total.operations + excluded.operations,
        first_occurred_at = least(window_total.first_occurred_at, excluded.first_occurred_at),
        last_occurred_at = greatest(window_total.last_occurred_at, excluded.last_occurred_at);
    INSERT INTO lot_total SELECT * FROM unnest(p_lot_totals)
    ON CONFLICT (lane, window_no, payer, kind, counterparty, terms_version, month_of_sale, vat_rate) DO UPDATE
    SET points = lot_total.points + excluded.points;
    IF p_day IS NOT NULL THEN
        INSERT INTO lane_day (lane, day, outstanding) VALUES ((p_state).lane, p_day, (p_state).outstanding)
        ON CONFLICT (lane, day) DO UPDATE SET outstanding = excluded.outstanding;
    END IF;
    UPDATE lane
    SET window_no = (p_state).window_no, size = (p_state).size, frontier = (p_state).frontier,
        outstanding = (p_state).outstanding, last_booked_at = (p_state).last_booked_at
    WHERE lane = (p_state).lane;
END $$;
COMMENT ON FUNCTION write_batch IS 'Writes a decided batch of one lane, whose lock the caller holds: new rows, the accounts as they are now (sorted), and where the journal stands after it.';

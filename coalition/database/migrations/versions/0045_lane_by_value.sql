-- The lane that a batch writes to is a value of its own: by it a cluster finds the node of a statement, and a field of a row
-- is no such value as long as the row is an argument.

CREATE OR REPLACE FUNCTION write_batch(
    p_state lane,
    p_records journal[],
    p_contents bytea[],
    p_messages message[],
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
DECLARE
    own_lane smallint := p_state.lane;
BEGIN
    IF cardinality(p_messages) > 0 THEN
        -- The first one stays: a body that comes again, signed anew, is the same message.
        INSERT INTO message SELECT * FROM unnest(p_messages) ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO journal SELECT * FROM unnest(p_records);
    INSERT INTO operation (lane, partner, operation_id, content, leaf)
    SELECT lane, partner, operation_id, content, leaf
    FROM unnest(p_records, p_contents) AS record (
        lane, leaf, window_no, kind, code, partner, operation_id, account, points, terms_version, original_leaf, shop,
        till, reference, occurred_at, booked_at, message, message_index, result, content)
    WHERE operation_id IS NOT NULL;
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
    WHERE lane = own_lane AND account = ANY(p_accounts);
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
        INSERT INTO lane_day (lane, day, outstanding) VALUES (own_lane, p_day, (p_state).outstanding)
        ON CONFLICT (lane, day) DO UPDATE SET outstanding = excluded.outstanding;
    END IF;
    UPDATE lane
    SET window_no = (p_state).window_no, size = (p_state).size, frontier = (p_state).frontier,
        outstanding = (p_state).outstanding, last_booked_at = (p_state).last_booked_at
    WHERE lane = own_lane;
END $$;

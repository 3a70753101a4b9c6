-- Rights of cards under the lane's lock; and messages kept in the transaction that books them, where one lane books all
-- of a message.

ALTER TABLE lane ADD COLUMN card_changes bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN lane.card_changes IS 'Grows, under the lane''s lock, with each change of what its cards may do or lead to: what a hub remembers of cards from before is not used.';
COMMENT ON TABLE message IS 'Evidence: the bytes and signature of each POST /v1/messages, committed before its operations or with them; in the lane that books all of them, or in that of the first byte of the digest modulo lanes.';

DROP FUNCTION open_batch;
CREATE FUNCTION open_batch(
    p_lane smallint,
    p_operation_ids text[],
    p_accounts bigint[],
    p_other_lanes smallint[],
    p_fresh_ids text[],
    OUT state lane,
    OUT partners bigint[],
    OUT operation_ids text[],
    OUT contents bytea[],
    OUT leaves bigint[],
    OUT result_leaves bigint[],
    OUT results text[],
    OUT accounts bigint[],
    OUT balances bigint[],
    OUT held bigint[],
    OUT debts bigint[],
    OUT next_expiries date[],
    OUT other_lanes smallint[],
    OUT other_partners bigint[],
    OUT other_ids text[],
    OUT other_leaves bigint[]
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    SELECT * INTO STRICT state FROM lane WHERE lane.lane = p_lane FOR UPDATE;
    -- Statements of their own: each sees all that was committed before the lock was ours.
    SELECT array_agg(o.partner), array_agg(o.operation_id), array_agg(o.content), array_agg(o.leaf)
    INTO partners, operation_ids, contents, leaves
    FROM operation AS o WHERE o.lane = p_lane AND o.operation_id = ANY(p_operation_ids);
    IF leaves IS NOT NULL THEN
        SELECT array_agg(j.leaf), array_agg(j.result) INTO result_leaves, results
        FROM journal AS j WHERE j.lane = p_lane AND j.leaf = ANY(leaves);
    END IF;
    SELECT array_agg(a.account), array_agg(a.balance), array_agg(a.held), array_agg(a.debt),
        array_agg(a.next_expires_on)
    INTO accounts, balances, held, debts, next_expiries
    FROM account AS a WHERE a.lane = p_lane AND a.account = ANY(p_accounts);
    IF cardinality(p_fresh_ids) > 0 THEN
        SELECT array_agg(o.lane), array_agg(o.partner), array_agg(o.operation_id), array_agg(o.leaf)
        INTO other_lanes, other_partners, other_ids, other_leaves
        FROM operation AS o WHERE o.lane = ANY(p_other_lanes) AND o.operation_id = ANY(p_fresh_ids);
    END IF;
END $$;
COMMENT ON FUNCTION open_batch IS 'Locks a lane and returns what decides a batch: where its journal stands, which of the operations it has decided before, the accounts as they are now, and where other lanes have decided any of the fresh ids.';

DROP FUNCTION write_batch;
CREATE FUNCTION write_batch(
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

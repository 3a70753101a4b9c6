-- A batch in four round trips: BEGIN, open_batch, write_batch, COMMIT (and what burns and reversals look up between).
--
-- The functions hold one statement for each table, each for one lane, as the hub sent them before one by one. Rows come
-- as arrays of the tables' own row types. Their plans are made while the tables are empty and kept for as long as the
-- connection lives: enable_seqscan = off, so that an index serves from the first row on.

-- The id before the partner, so that ids of many partners are looked up by the whole key in one statement.
ALTER TABLE operation DROP CONSTRAINT operation_pkey, ADD PRIMARY KEY (lane, operation_id, partner);

CREATE FUNCTION open_batch(
    p_lane smallint,
    p_operation_ids text[],
    p_accounts bigint[],
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
    OUT debts bigint[]
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
    SELECT array_agg(a.account), array_agg(a.balance), array_agg(a.held), array_agg(a.debt)
    INTO accounts, balances, held, debts
    FROM account AS a WHERE a.lane = p_lane AND a.account = ANY(p_accounts);
END $$;
COMMENT ON FUNCTION open_batch IS 'Locks a lane and returns what decides a batch: where its journal stands, which of the operations it has decided before, and the accounts as they are now.';

CREATE FUNCTION write_batch(
    p_state lane,
    p_records journal[],
    p_operations operation[],
    p_new_lots lot[],
    p_changed_lots lot[],
    p_uses lot_use[],
    p_reversals reversal[],
    p_accounts bigint[],
    p_balances bigint[],
    p_held bigint[],
    p_debts bigint[],
    p_totals window_total[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO journal SELECT * FROM unnest(p_records);
    INSERT INTO operation SELECT * FROM unnest(p_operations);
    INSERT INTO lot SELECT * FROM unnest(p_new_lots);
    IF cardinality(p_changed_lots) > 0 THEN
        -- All of these lots are there. An UPDATE joined to the array would do the same, but the planner may run such a
        -- join through all pairs of the accounts' lots and the changed ones; a conflict is found by the whole key.
        INSERT INTO lot SELECT * FROM unnest(p_changed_lots)
        ON CONFLICT (lane, account, leaf, part) DO UPDATE SET remaining = excluded.remaining;
    END IF;
    IF cardinality(p_uses) > 0 THEN
        INSERT INTO lot_use SELECT * FROM unnest(p_uses)
        ON CONFLICT (lane, leaf, lot_leaf, lot_part) DO UPDATE SET restored = excluded.restored;
    END IF;
    INSERT INTO reversal SELECT * FROM unnest(p_reversals);
    -- No join here either: width_bucket finds an account's place in the sorted array by halving.
    UPDATE account
    SET balance = p_balances[width_bucket(account, p_accounts)],
        held = p_held[width_bucket(account, p_accounts)],
        debt = p_debts[width_bucket(account, p_accounts)]
    WHERE lane = (p_state).lane AND account = ANY(p_accounts);
    INSERT INTO window_total SELECT * FROM unnest(p_totals)
    ON CONFLICT (lane, window_no, partner, kind, terms_version, vat_rate) DO UPDATE
    SET points = window_total.points + excluded.points,
        operations = window_total.operations + excluded.operations,
        first_occurred_at = least(window_total.first_occurred_at, excluded.first_occurred_at),
        last_occurred_at = greatest(window_total.last_occurred_at, excluded.last_occurred_at);
    UPDATE lane
    SET window_no = (p_state).window_no, size = (p_state).size, frontier = (p_state).frontier,
        outstanding = (p_state).outstanding, last_booked_at = (p_state).last_booked_at
    WHERE lane = (p_state).lane;
END $$;
COMMENT ON FUNCTION write_batch IS 'Writes a decided batch of one lane, whose lock the caller holds: new rows, the accounts as they are now (sorted), and where the journal stands after it.';

CREATE FUNCTION keep_messages(p_messages message[], p_lanes smallint[], p_operation_ids text[])
RETURNS TABLE (lane smallint, partner bigint, operation_id text, leaf bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    -- The first one stays: a body that comes again, signed anew, is the same message.
    INSERT INTO message SELECT * FROM unnest(p_messages) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT o.lane, o.partner, o.operation_id, o.leaf
    FROM operation AS o WHERE o.lane = ANY(p_lanes) AND o.operation_id = ANY(p_operation_ids);
END $$;
COMMENT ON FUNCTION keep_messages IS 'Keeps messages as evidence, and returns where the operations named were decided, in any lane.';

-- Holds and expiry. Lane tables: hold. The journal gets records of the hub's own: time_out and expire.

ALTER TABLE programme
    ADD COLUMN expiry_rule text NOT NULL DEFAULT 'end_of_month',
    ADD COLUMN expiry_day text NOT NULL DEFAULT '12-31',
    ADD COLUMN grace_days integer NOT NULL DEFAULT 30,
    ADD CONSTRAINT programme_expiry_rule_known CHECK (
        expiry_rule IN ('never', 'after_months', 'end_of_month', 'end_of_quarter', 'yearly', 'inactivity')),
    ADD CONSTRAINT programme_expiry_day_is_month_and_day CHECK (expiry_day ~ '^(0[1-9]|1[0-2])-([0-2][0-9]|3[01])$'),
    ADD CONSTRAINT programme_grace_days_within_limits CHECK (grace_days BETWEEN 0 AND 3650);
UPDATE programme SET expiry_rule = 'never' WHERE expiry_months IS NULL;
COMMENT ON COLUMN programme.expiry_months IS 'Months of the expiry rule; null only where points never expire.';
COMMENT ON COLUMN programme.expiry_day IS 'The last day of the yearly rule, month and day.';
COMMENT ON COLUMN programme.grace_days IS 'How long points live that a reversal brings back after their expiry.';

ALTER TABLE account ADD COLUMN next_expires_on date;
COMMENT ON COLUMN account.next_expires_on IS 'No point of the account expires before this day; null: none does. May be earlier than the next that does.';
UPDATE account SET next_expires_on = due.expires_on
FROM (SELECT lane, account, min(expires_on) AS expires_on FROM lot WHERE remaining > 0 GROUP BY lane, account) AS due
WHERE due.lane = account.lane AND due.account = account.account;
CREATE INDEX account_by_expiry ON account (lane, next_expires_on) WHERE next_expires_on IS NOT NULL;

CREATE TABLE hold (
    lane           smallint NOT NULL,
    leaf           bigint NOT NULL,
    account        bigint NOT NULL,
    partner        bigint NOT NULL,
    points         bigint NOT NULL,
    expires_at     timestamptz NOT NULL,
    state          text NOT NULL,
    captured       bigint NOT NULL DEFAULT 0,
    resolved_leaf  bigint,
    PRIMARY KEY (lane, leaf),
    CONSTRAINT hold_state_known CHECK (state IN ('reserved', 'captured', 'released', 'timed_out')),
    CONSTRAINT hold_captured_within_points CHECK (captured BETWEEN 0 AND points),
    CONSTRAINT hold_is_resolved_by_a_record CHECK ((state = 'reserved') = (resolved_leaf IS NULL))
);
CREATE INDEX hold_open_by_account ON hold (lane, account) WHERE state = 'reserved';
CREATE INDEX hold_open_by_time_out ON hold (lane, expires_at) WHERE state = 'reserved';
COMMENT ON TABLE hold IS 'Points set aside by the reserve at leaf, until the record at resolved_leaf; open ones count until expires_at.';

ALTER TABLE journal
    DROP CONSTRAINT journal_kind_known,
    ADD CONSTRAINT journal_kind_known CHECK (kind IN (
        'earn', 'burn', 'reverse_earn', 'reverse_burn', 'reserve', 'capture', 'release', 'time_out', 'expire', 'close'));

ALTER TABLE window_total
    DROP CONSTRAINT window_total_kind_known,
    ADD CONSTRAINT window_total_kind_known CHECK (
        kind IN ('issued', 'issue_reversed', 'redeemed', 'redeem_reversed', 'expired'));
COMMENT ON COLUMN window_total.partner IS 'Who issued, or redeemed; for expired points: who paid for them.';
COMMENT ON COLUMN window_total.terms_version IS 'Of the terms that price it; 0 for expired points, which have no price.';

DROP FUNCTION open_batch;
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
    OUT debts bigint[],
    OUT next_expiries date[]
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
END $$;
COMMENT ON FUNCTION open_batch IS 'Locks a lane and returns what decides a batch: where its journal stands, which of the operations it has decided before, and the accounts as they are now.';

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
    UPDATE lane
    SET window_no = (p_state).window_no, size = (p_state).size, frontier = (p_state).frontier,
        outstanding = (p_state).outstanding, last_booked_at = (p_state).last_booked_at
    WHERE lane = (p_state).lane;
END $$;
COMMENT ON FUNCTION write_batch IS 'Writes a decided batch of one lane, whose lock the caller holds: new rows, the accounts as they are now (sorted), and where the journal stands after it.';

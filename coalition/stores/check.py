"""Read what `coalition check` verifies; each query opens with the question that it answers.

All run in one repeatable-read, read-only transaction, so that on plain PostgreSQL they see one moment."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple

import asyncpg

from coalition.database.pool import Connection

RECORDS_AT_ONCE = 5_000

POINTS_BY_LANE = """
-- What did each lane book, by its window totals, its journal, its accounts and its own counter? Of the journal, what is
-- not packed.
SELECT lane.lane, lane.outstanding, lane.size, lane.frontier,
    coalesce(totals.growth, 0)::bigint AS totals_growth,
    coalesce(booked.growth, 0)::bigint AS journal_growth,
    coalesce(booked.records, 0)::bigint AS journal_records,
    coalesce(balances.balance, 0)::bigint AS balance
FROM lane
LEFT JOIN (
    SELECT lane, sum(CASE WHEN kind IN ('issued', 'redeem_reversed', 'moved_in') THEN points ELSE -points END) AS growth
    FROM window_total GROUP BY lane
) AS totals ON totals.lane = lane.lane
LEFT JOIN (
    SELECT lane, count(*) AS records,
        sum(CASE WHEN code IS NOT NULL OR kind IN ('reserve', 'release', 'time_out', 'close') THEN 0
                 WHEN kind IN ('earn', 'reverse_burn', 'move_in') THEN points ELSE -points END) AS growth
    FROM journal
    WHERE NOT EXISTS (
        SELECT 1 FROM journal_block AS block
        WHERE block.lane = journal.lane AND block.place = journal.leaf / 256
            AND journal.leaf >= block.first_leaf AND journal.leaf < block.end_leaf)
    GROUP BY lane
) AS booked ON booked.lane = lane.lane
LEFT JOIN (SELECT lane, sum(balance) AS balance FROM account GROUP BY lane) AS balances ON balances.lane = lane.lane
ORDER BY lane.lane
"""

# Each rule joins whole tables by their whole keys. Right after much was booked, while the tables' sizes are not known
# yet, the planner may walk along the lanes instead, and through all pairs of rows in each.
READ_WHOLE_TABLES = "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off"
READ_AS_USUAL = "SET LOCAL enable_nestloop = on; SET LOCAL enable_mergejoin = on"


BROKEN_ORIGINS = """
-- Of which payer, month and rate does a lane's book of lots say other than its lots?
SELECT lane, payer, month_of_sale, vat_rate, sum(booked)::bigint AS booked, sum(remaining)::bigint AS remaining
FROM (
    SELECT lane, payer, month_of_sale, vat_rate, 0 AS remaining,
        CASE WHEN kind IN ('issued', 'redeem_reversed', 'moved_in') THEN points ELSE -points END AS booked
    FROM lot_total
    UNION ALL
    SELECT lane, payer, month_of_sale, coalesce(trim_scale(vat_rate)::text, ''), remaining, 0 FROM lot
) AS origin
GROUP BY lane, payer, month_of_sale, vat_rate
HAVING sum(booked) <> sum(remaining)
ORDER BY lane, payer, month_of_sale, vat_rate
LIMIT 10
"""

BROKEN_REDEMPTIONS = """
-- In which windows do the two books differ in what a partner redeemed, by which of its terms?
SELECT lane, window_no, partner, kind, terms_version, sum(billed)::bigint AS billed, sum(taken)::bigint AS taken
FROM (
    SELECT lane, window_no, partner, kind, terms_version, points AS billed, 0 AS taken
    FROM window_total WHERE kind IN ('redeemed', 'redeem_reversed')
    UNION ALL
    SELECT lane, window_no, counterparty, kind, terms_version, 0, points
    FROM lot_total WHERE kind IN ('redeemed', 'redeem_reversed')
) AS book
-- What was booked before there was a book of lots is in no window of it.
WHERE window_no >= (SELECT min(window_no) FROM lot_total)
    AND NOT EXISTS (SELECT 1 FROM lot_total WHERE window_no = 0)
GROUP BY lane, window_no, partner, kind, terms_version
HAVING sum(billed) <> sum(taken)
ORDER BY lane, window_no, partner, kind, terms_version
LIMIT 10
"""

BROKEN_ACCOUNTS = """
-- Which accounts' balances are not the sum of their lots less their debt?
SELECT account.lane, account.account, account.balance, account.debt, coalesce(lots.remaining, 0)::bigint AS remaining
FROM account
LEFT JOIN (SELECT lane, account, sum(remaining) AS remaining FROM lot GROUP BY lane, account) AS lots
    ON lots.lane = account.lane AND lots.account = account.account
WHERE account.balance <> coalesce(lots.remaining, 0) - account.debt
ORDER BY account.lane, account.account
LIMIT 10
"""

BROKEN_HOLDS = """
-- Which accounts hold other than their open holds, or more than their lots have?
SELECT account.lane, account.account, account.balance, account.debt, account.held,
    coalesce(open.points, 0)::bigint AS holds
FROM account
LEFT JOIN (
    SELECT lane, account, sum(points) AS points FROM hold WHERE state = 'reserved' GROUP BY lane, account
) AS open ON open.lane = account.lane AND open.account = account.account
WHERE account.held <> coalesce(open.points, 0) OR account.held > account.balance + account.debt
ORDER BY account.lane, account.account
LIMIT 10
"""

BROKEN_RESOLUTIONS = """
-- Which holds were not made by a reserve of these points, or not ended by the record that they name? As far as these
-- records are not archived.
SELECT hold.lane, hold.leaf, hold.state, hold.points, hold.captured, hold.resolved_leaf, made.kind AS made_by,
    ended.kind AS ended_by
FROM hold
LEFT JOIN journal AS made ON made.lane = hold.lane AND made.leaf = hold.leaf AND made.code IS NULL
LEFT JOIN journal AS ended ON ended.lane = hold.lane AND ended.leaf = hold.resolved_leaf AND ended.code IS NULL
LEFT JOIN archived_range AS made_in ON made_in.lane = hold.lane AND hold.leaf >= made_in.first_leaf
    AND hold.leaf < made_in.end_leaf
LEFT JOIN archived_range AS ended_in ON ended_in.lane = hold.lane AND hold.resolved_leaf >= ended_in.first_leaf
    AND hold.resolved_leaf < ended_in.end_leaf
WHERE (made_in.lane IS NULL AND (
        made.kind IS DISTINCT FROM 'reserve' OR made.points <> hold.points OR made.account <> hold.account))
    OR (hold.state <> 'reserved' AND ended_in.lane IS NULL AND (
        ended.original_leaf IS DISTINCT FROM hold.leaf
        OR (hold.state, ended.kind) NOT IN (('captured', 'capture'), ('released', 'release'), ('timed_out', 'time_out'))
        OR ended.points <> CASE hold.state WHEN 'captured' THEN hold.captured ELSE hold.points END))
ORDER BY hold.lane, hold.leaf
LIMIT 10
"""

BROKEN_EXPIRIES = """
-- Which accounts have points that expire before the day on which the hub would look?
SELECT account.lane, account.account, account.next_expires_on, min(lot.expires_on) AS expires_on
FROM account
JOIN lot ON lot.lane = account.lane AND lot.account = account.account
WHERE lot.remaining > 0 AND lot.expires_on IS NOT NULL
GROUP BY account.lane, account.account, account.next_expires_on
HAVING account.next_expires_on IS NULL OR account.next_expires_on > min(lot.expires_on)
ORDER BY account.lane, account.account
LIMIT 10
"""

BROKEN_LOTS = """
-- Which lots' remaining points are not what their earn made, less what was taken and not brought back?
SELECT lot.lane, lot.account, lot.leaf, lot.part, lot.points, lot.remaining, coalesce(used.points, 0)::bigint AS used
FROM lot
LEFT JOIN (
    SELECT lane, lot_leaf, lot_part, sum(points - restored) AS points FROM lot_use GROUP BY lane, lot_leaf, lot_part
) AS used ON used.lane = lot.lane AND used.lot_leaf = lot.leaf AND used.lot_part = lot.part
WHERE lot.remaining <> lot.points - coalesce(used.points, 0)
ORDER BY lot.lane, lot.leaf
LIMIT 10
"""

BROKEN_BURNS = """
-- Which burns', captures' or expiries' uses of lots don't sum to their points, or which reversals went past their
-- original?
SELECT journal.lane, journal.leaf, journal.kind, journal.points, coalesce(used.points, 0)::bigint AS used,
    coalesce(used.restored, 0)::bigint AS restored, coalesce(undone.points, 0)::bigint AS undone
FROM journal
LEFT JOIN (SELECT lane, leaf, sum(points) AS points, sum(restored) AS restored FROM lot_use GROUP BY lane, leaf) AS used
    ON used.lane = journal.lane AND used.leaf = journal.leaf
LEFT JOIN (SELECT lane, original_leaf, sum(points) AS points FROM reversal GROUP BY lane, original_leaf) AS undone
    ON undone.lane = journal.lane AND undone.original_leaf = journal.leaf
WHERE journal.code IS NULL AND journal.kind IN ('earn', 'burn', 'capture', 'expire', 'move_out')
    AND (coalesce(undone.points, 0) > journal.points
         OR (journal.kind <> 'earn' AND (coalesce(used.points, 0) <> journal.points
                                         OR coalesce(used.restored, 0) <> coalesce(undone.points, 0))))
ORDER BY journal.lane, journal.leaf
LIMIT 10
"""

BROKEN_RESTORATIONS = """
-- Which reversals of burns brought back to lots other than their points, or other than the burns' uses count as
-- restored? Of the burns that are archived only those that came back are looked at.
SELECT lane, leaf, lot_leaf, lot_part, sum(restored)::bigint AS restored, sum(brought)::bigint AS brought
FROM (
    SELECT lane, leaf, lot_leaf, lot_part, restored, 0 AS brought FROM lot_use WHERE restored > 0
    UNION ALL
    SELECT back.lane, reversal.original_leaf, back.lot_leaf, back.lot_part, 0, back.points
    FROM lot_restoration AS back
    LEFT JOIN reversal ON reversal.lane = back.lane AND reversal.leaf = back.leaf
) AS lot_of_burn
WHERE NOT EXISTS (
    SELECT 1 FROM archived_range AS gone
    WHERE gone.lane = lot_of_burn.lane AND lot_of_burn.leaf >= gone.first_leaf AND lot_of_burn.leaf < gone.end_leaf
        AND NOT EXISTS (
            SELECT 1 FROM journal WHERE journal.lane = lot_of_burn.lane AND journal.leaf = lot_of_burn.leaf))
GROUP BY lane, leaf, lot_leaf, lot_part
HAVING sum(restored) <> sum(brought)
UNION ALL
SELECT journal.lane, journal.leaf, NULL, NULL, journal.points, coalesce(back.points, 0)::bigint
FROM journal
LEFT JOIN (SELECT lane, leaf, sum(points) AS points FROM lot_restoration GROUP BY lane, leaf) AS back
    ON back.lane = journal.lane AND back.leaf = journal.leaf
WHERE journal.kind = 'reverse_burn' AND journal.code IS NULL AND journal.points <> coalesce(back.points, 0)
ORDER BY 1, 2
LIMIT 10
"""

BROKEN_TOTALS = """
-- Which statement lines of a partner, window and kind don't count exactly the operations booked in the journal? What a
-- promotion's payers share is each payer's, by the payer's terms, and counts as an operation of the first. Archived
-- windows are held to their packed records.
SELECT coalesce(totals.lane, booked.lane) AS lane, coalesce(totals.window_no, booked.window_no) AS window_no,
    coalesce(totals.partner, booked.partner) AS partner, coalesce(totals.kind, booked.kind) AS kind,
    totals.points AS total_points, booked.points AS journal_points,
    totals.operations AS total_operations, booked.operations AS journal_operations
FROM (
    SELECT lane, window_no, partner, kind, terms_version, sum(points)::bigint AS points,
        sum(operations)::bigint AS operations
    FROM window_total
    WHERE NOT EXISTS (
        SELECT 1 FROM archived_range AS gone
        WHERE gone.lane = window_total.lane AND gone.window_no = window_total.window_no)
    GROUP BY lane, window_no, partner, kind, terms_version
) AS totals
FULL JOIN (
    SELECT journal.lane, journal.window_no, coalesce(share.payer, journal.partner) AS partner,
        CASE journal.kind WHEN 'earn' THEN 'issued' WHEN 'burn' THEN 'redeemed' WHEN 'capture' THEN 'redeemed'
                  WHEN 'reverse_earn' THEN 'issue_reversed' WHEN 'reverse_burn' THEN 'redeem_reversed'
                  WHEN 'expire' THEN 'expired' WHEN 'move_out' THEN 'moved_out'
                  WHEN 'move_in' THEN 'moved_in' END AS kind,
        coalesce(share.terms_version, journal.terms_version, 0) AS terms_version,
        sum(coalesce(share.points, journal.points))::bigint AS points,
        count(*) FILTER (WHERE share.part IS NULL OR share.part = 0) AS operations
    FROM journal
    LEFT JOIN promotion_share AS share ON share.lane = journal.lane AND share.leaf = journal.leaf
    WHERE journal.code IS NULL AND journal.kind NOT IN ('reserve', 'release', 'time_out', 'close')
        AND NOT EXISTS (
            SELECT 1 FROM archived_range AS gone
            WHERE gone.lane = journal.lane AND gone.window_no = journal.window_no)
    GROUP BY 1, 2, 3, 4, 5
) AS booked ON booked.lane = totals.lane AND booked.window_no = totals.window_no AND booked.partner = totals.partner
    AND booked.kind = totals.kind AND booked.terms_version = totals.terms_version
WHERE totals.points IS DISTINCT FROM booked.points OR totals.operations IS DISTINCT FROM booked.operations
ORDER BY 1, 2, 3, 4
LIMIT 10
"""

BROKEN_SHARES = """
-- Which records of a promotion bill other than their points, or other than the earn's lots, or undo more of a payer's
-- share than was billed, or leave the payers out?
WITH share AS NOT MATERIALIZED (
    SELECT promotion_share.lane, promotion_share.leaf, promotion_share.part, promotion_share.payer,
        promotion_share.terms_version, promotion_share.vat_rate, promotion_share.points,
        journal.kind, journal.points AS journal_points, journal.original_leaf
    FROM promotion_share
    LEFT JOIN journal ON journal.lane = promotion_share.lane AND journal.leaf = promotion_share.leaf
        AND journal.code IS NULL
), kept AS NOT MATERIALIZED (
    SELECT share.* FROM share
    WHERE NOT EXISTS (
        SELECT 1 FROM archived_range AS gone
        WHERE gone.lane = share.lane AND share.leaf >= gone.first_leaf AND share.leaf < gone.end_leaf)
)
SELECT lane, leaf, kind, journal_points AS expected, sum(points)::bigint AS billed
FROM kept
GROUP BY lane, leaf, kind, journal_points
HAVING sum(points) IS DISTINCT FROM journal_points OR kind NOT IN ('earn', 'reverse_earn')
UNION ALL
SELECT kept.lane, kept.leaf, 'lot', lot.points, kept.points
FROM kept
LEFT JOIN lot ON lot.lane = kept.lane AND lot.leaf = kept.leaf AND lot.part = kept.part
WHERE kept.kind = 'earn' AND (lot.points IS DISTINCT FROM kept.points OR lot.payer IS DISTINCT FROM kept.payer)
UNION ALL
SELECT undone.lane, undone.leaf, 'undone', billed.points, undone.points
FROM (
    SELECT lane, original_leaf AS leaf, payer, terms_version, vat_rate, sum(points)::bigint AS points
    FROM share WHERE kind = 'reverse_earn' GROUP BY lane, original_leaf, payer, terms_version, vat_rate
) AS undone
LEFT JOIN share AS billed ON billed.lane = undone.lane AND billed.leaf = undone.leaf AND billed.payer = undone.payer
    AND billed.terms_version = undone.terms_version AND billed.vat_rate = undone.vat_rate
WHERE billed.points IS NULL OR undone.points > billed.points
UNION ALL
SELECT journal.lane, journal.leaf, journal.kind, journal.points, 0
FROM journal
LEFT JOIN promotion_share AS own ON own.lane = journal.lane AND own.leaf = journal.leaf
WHERE journal.kind = 'reverse_earn' AND journal.code IS NULL AND own.leaf IS NULL
    AND EXISTS (SELECT 1 FROM promotion_share AS billed
                WHERE billed.lane = journal.lane AND billed.leaf = journal.original_leaf)
ORDER BY 1, 2
LIMIT 10
"""

BROKEN_BUDGETS = """
-- Which promotions' lanes were granted other than the budget says, or more than it has, or used other than was earned
-- less reversed?
SELECT promotion_budget.promotion, NULL::smallint AS lane, promotion_budget.budget, promotion_budget.granted,
    coalesce(allowed.granted, 0)::bigint AS allowed, NULL::bigint AS used, NULL::bigint AS booked
FROM promotion_budget
LEFT JOIN (SELECT promotion, sum(granted) AS granted FROM promotion_allowance GROUP BY promotion) AS allowed
    ON allowed.promotion = promotion_budget.promotion
WHERE promotion_budget.granted <> coalesce(allowed.granted, 0) OR promotion_budget.granted > promotion_budget.budget
UNION ALL
SELECT coalesce(allowance.promotion, booked.promotion), coalesce(allowance.lane, booked.lane), NULL,
    allowance.granted, NULL, allowance.used, booked.points
FROM promotion_allowance AS allowance
FULL JOIN (
    SELECT share.lane, share.promotion,
        sum(CASE WHEN undone.leaf IS NULL THEN share.points ELSE -share.points END)::bigint AS points
    FROM promotion_share AS share
    -- An earn or a reversal, which other links tell than the journal: these stay when its records are archived.
    LEFT JOIN (SELECT DISTINCT lane, leaf FROM reversal) AS undone
        ON undone.lane = share.lane AND undone.leaf = share.leaf
    GROUP BY share.lane, share.promotion
) AS booked ON booked.lane = allowance.lane AND booked.promotion = allowance.promotion
WHERE coalesce(allowance.used, 0) <> coalesce(booked.points, 0) OR coalesce(allowance.used, 0) > allowance.granted
ORDER BY 1, 2
LIMIT 10
"""

BROKEN_CAPS = """
-- Which partners' positions are above their caps by more than returns of burns, pay-outs, payments that came back and
-- drawn collateral have put them there, or may be raised further by their lanes, unasked, than the cap lets them?
SELECT cap.partner, cap.cap, sum(lane.used) AS position, sum(greatest(lane.granted, lane.used)) AS reach
FROM (
    SELECT net_debit_cap.partner, (net_debit_cap.cap_minor + coalesce(collateral.balance_minor, 0))
            / power(10::numeric, programme.minor_unit) AS cap,
        greatest(net_debit_cap.cap_minor / power(10::numeric, programme.minor_unit), net_debit_cap.position_then)
            + (coalesce(collateral.balance_minor, 0) + coalesce(drawn.amount_minor, 0))
            / power(10::numeric, programme.minor_unit) AS excused
    FROM net_debit_cap
    CROSS JOIN programme
    LEFT JOIN collateral ON collateral.partner = net_debit_cap.partner
    LEFT JOIN (
        SELECT partner, sum(amount_minor) AS amount_minor FROM collateral_movement WHERE kind = 'draw' GROUP BY partner
    ) AS drawn ON drawn.partner = net_debit_cap.partner
    WHERE net_debit_cap.basis = 'money'
) AS cap
JOIN (
    SELECT coalesce(booked.partner, cap_allowance.partner) AS partner, coalesce(booked.used, 0) AS used,
        coalesce(booked.returned, 0) AS returned, coalesce(booked.paid_out, 0) AS paid_out,
        coalesce(booked.came_back, 0) AS came_back,
        coalesce(cap_allowance.granted, booked.used) AS granted
    FROM (
        SELECT valued.lane, valued.partner,
            coalesce(sum(valued.value) FILTER (WHERE NOT valued.is_cleared), 0) AS used,
            coalesce(sum(valued.value) FILTER (WHERE NOT valued.is_cleared AND valued.kind = 'redeem_reversed'), 0)
                AS returned,
            coalesce(-sum(valued.value) FILTER (WHERE valued.is_cleared AND valued.value < 0), 0) AS paid_out,
            coalesce(sum(valued.value) FILTER (WHERE valued.came_back), 0) AS came_back
        FROM (
            SELECT total.lane, total.partner, total.kind,
                coalesce(share.is_cleared, clearing_window.state = 'SETTLED') AS is_cleared,
                coalesce(share.came_back, false) AS came_back,
                total.points * CASE total.kind
                    WHEN 'issued' THEN terms.issue_price + terms.service_fee
                    WHEN 'issue_reversed' THEN -(terms.issue_price + terms.service_fee)
                    WHEN 'redeemed' THEN -terms.redemption_price * (1 - terms.commission)
                    ELSE terms.redemption_price * (1 - terms.commission) END AS value
            FROM window_total AS total
            JOIN terms ON terms.partner = total.partner AND terms.version = total.terms_version
            JOIN clearing_window ON clearing_window.window_no = total.window_no
            LEFT JOIN window_share AS share ON share.window_no = total.window_no AND share.partner = total.partner
            WHERE total.kind IN ('issued', 'issue_reversed', 'redeemed', 'redeem_reversed')
        ) AS valued
        GROUP BY valued.lane, valued.partner
    ) AS booked
    FULL JOIN cap_allowance ON cap_allowance.lane = booked.lane AND cap_allowance.partner = booked.partner
) AS lane ON lane.partner = cap.partner
GROUP BY cap.partner, cap.cap, cap.excused
HAVING sum(greatest(lane.granted, lane.used)) > greatest(cap.cap, sum(lane.used))
    OR sum(lane.used) > cap.excused + sum(lane.returned) + sum(lane.paid_out)
        + greatest(sum(lane.came_back), 0)
ORDER BY cap.partner
LIMIT 10
"""

BROKEN_BLOCKS = """
-- Which partners have issued more points than their prepaid blocks let them, or may without asking?
SELECT cap.partner, cap.cap_minor AS points, sum(greatest(allowance.granted, coalesce(booked.used, 0))) AS reach
FROM net_debit_cap AS cap
JOIN cap_allowance AS allowance ON allowance.partner = cap.partner
LEFT JOIN (
    SELECT total.lane, total.partner,
        sum(CASE total.kind WHEN 'issued' THEN total.points ELSE -total.points END) AS used
    FROM window_total AS total
    JOIN terms ON terms.partner = total.partner AND terms.version = total.terms_version
    WHERE total.kind IN ('issued', 'issue_reversed') AND terms.funding = 'prepaid'
    GROUP BY total.lane, total.partner
) AS booked ON booked.lane = allowance.lane AND booked.partner = allowance.partner
WHERE cap.basis = 'points'
GROUP BY cap.partner, cap.cap_minor, cap.position_then
HAVING sum(greatest(allowance.granted, coalesce(booked.used, 0))) > greatest(cap.cap_minor, cap.position_then)
ORDER BY cap.partner
LIMIT 10
"""

BROKEN_WINDOWS = """
-- In which closed windows does the growth of outstanding points differ from what was issued less redeemed, or which
-- journal records lie outside their window's range of leaves?
SELECT ended.lane, ended.window_no, ended.outstanding - coalesce(before.outstanding, 0) AS growth,
    coalesce(totals.growth, 0)::bigint AS booked, coalesce(stray.records, 0) AS stray_records
FROM lane_window AS ended
LEFT JOIN lane_window AS before ON before.lane = ended.lane AND before.window_no = ended.window_no - 1
LEFT JOIN (
    SELECT lane, window_no,
        sum(CASE WHEN kind IN ('issued', 'redeem_reversed', 'moved_in') THEN points ELSE -points END) AS growth
    FROM window_total GROUP BY lane, window_no
) AS totals ON totals.lane = ended.lane AND totals.window_no = ended.window_no
LEFT JOIN LATERAL (
    SELECT count(*) AS records FROM journal
    WHERE journal.lane = ended.lane AND journal.leaf >= ended.first_leaf AND journal.leaf < ended.end_leaf
        AND journal.window_no <> ended.window_no
) AS stray ON true
WHERE ended.outstanding - coalesce(before.outstanding, 0) <> coalesce(totals.growth, 0)
    OR stray.records > 0
    OR ended.first_leaf <> coalesce(before.end_leaf, 0)
ORDER BY ended.lane, ended.window_no
LIMIT 10
"""

BROKEN_CERTIFICATES = """
-- Which certificates were spent otherwise than by booked burns of their partner, at their till, with these points? An
-- archived burn counts as one.
SELECT certificate.lane, certificate.certificate_id, certificate.spent,
    coalesce(sum(used.points), 0)::bigint AS used, count(*) FILTER (WHERE used.leaf IS NOT NULL) AS uses,
    count(coalesce(journal.leaf, gone.first_leaf)) AS burns
FROM certificate
LEFT JOIN certificate_use AS used
    ON used.lane = certificate.lane AND used.certificate_id = certificate.certificate_id
LEFT JOIN journal ON journal.lane = used.lane AND journal.leaf = used.leaf AND journal.kind = 'burn'
    AND journal.code IS NULL AND journal.points = used.points
    AND journal.account = ANY(certificate.account || certificate.accounts_before)
    AND journal.partner = certificate.partner AND journal.till = certificate.till
LEFT JOIN archived_range AS gone ON gone.lane = used.lane AND used.leaf >= gone.first_leaf AND used.leaf < gone.end_leaf
GROUP BY certificate.lane, certificate.certificate_id, certificate.spent
HAVING coalesce(sum(used.points), 0) <> certificate.spent
    OR count(*) FILTER (WHERE used.leaf IS NOT NULL) <> count(coalesce(journal.leaf, gone.first_leaf))
ORDER BY certificate.lane, certificate.certificate_id
LIMIT 10
"""

BROKEN_IDENTITIES = """
-- Which operations stand in more than one lane, or name a journal record that is not theirs? Those of packed records
-- are held to these.
SELECT operation.partner, operation.operation_id, min(operation.lane) AS lane, count(*) AS times,
    count(*) FILTER (WHERE journal.operation_id IS NULL AND gone.lane IS NULL) AS strays
FROM operation
LEFT JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf
    AND journal.partner = operation.partner AND journal.operation_id = operation.operation_id
LEFT JOIN archived_range AS gone ON gone.lane = operation.lane AND operation.leaf >= gone.first_leaf
    AND operation.leaf < gone.end_leaf
GROUP BY operation.partner, operation.operation_id
HAVING count(*) > 1 OR count(*) FILTER (WHERE journal.operation_id IS NULL AND gone.lane IS NULL) > 0
LIMIT 10
"""

MISSING_EVIDENCE = """
-- Which journal records have no message that proves them? It may lie in another lane, so all are gathered first; those
-- of archived windows have theirs in the archive.
WITH kept AS MATERIALIZED (SELECT partner, digest FROM message)
SELECT journal.lane, journal.leaf, journal.partner, journal.operation_id
FROM journal
LEFT JOIN kept ON kept.digest = journal.message AND kept.partner = journal.partner
WHERE journal.kind NOT IN ('time_out', 'expire', 'move_out', 'move_in', 'close') AND kept.digest IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM archived_range AS gone
        WHERE gone.lane = journal.lane AND journal.leaf >= gone.first_leaf AND journal.leaf < gone.end_leaf)
ORDER BY journal.lane, journal.leaf
LIMIT 10
"""

BROKEN_INVOICES = """
-- Which windows past INVOICED lack a partner's share, for one that booked anything in them?
SELECT DISTINCT window_total.window_no, window_total.partner
FROM window_total
JOIN clearing_window ON clearing_window.window_no = window_total.window_no
LEFT JOIN window_share ON window_share.window_no = window_total.window_no
    AND window_share.partner = window_total.partner
WHERE clearing_window.state IN ('INVOICED', 'SETTLING', 'SETTLED') AND window_share.partner IS NULL
    AND window_total.kind NOT IN ('expired', 'moved_out', 'moved_in')
ORDER BY 1, 2
LIMIT 10
"""


async def load_rows(connection: Connection, query: str) -> list[asyncpg.Record]:
    """Return what one of the queries above found."""
    # A look through everything may take longer than any single request may.
    return await connection.fetch(query, timeout=3_600)


SELECT_RECORDS = """
SELECT lane, leaf, kind, points, code, message, message_index, result
FROM journal
WHERE lane = $1 AND leaf >= $2 AND leaf < $3
ORDER BY leaf
"""

SELECT_PACKED = """
SELECT first_leaf, end_leaf FROM journal_block WHERE lane = $1 ORDER BY place, first_leaf
"""


async def read_records(
    connection: Connection, lane: int, *, first: int, end: int
) -> AsyncIterator[list[asyncpg.Record]]:
    """Read a lane's records at the leaves first to end - 1 in order, RECORDS_AT_ONCE at a time."""
    cursor = await connection.cursor(SELECT_RECORDS, lane, first, end)
    while records := await cursor.fetch(RECORDS_AT_ONCE):
        yield records


async def load_packed_leaves(connection: Connection, lane: int) -> list[tuple[int, int]]:
    """Return which leaves of a lane are packed, as ranges in order: those of one block after the other."""
    return [(row["first_leaf"], row["end_leaf"]) for row in await connection.fetch(SELECT_PACKED, lane)]


SELECT_IDENTITIES = """
SELECT partner, operation_id, leaf FROM operation WHERE lane = $1 AND operation_id = ANY($2::text[])
"""


async def load_identities(
    connection: Connection, lane: int, operation_ids: Sequence[str]
) -> dict[tuple[int, str], int]:
    """Return where a lane has decided these operations: the leaf, by partner and id."""
    rows = await connection.fetch(SELECT_IDENTITIES, lane, operation_ids)
    return {(row["partner"], row["operation_id"]): row["leaf"] for row in rows}


SELECT_TOTALS = """
SELECT lane, window_no, partner, kind, terms_version, points, operations
FROM window_total
WHERE window_no = ANY($1::integer[])
"""


async def load_totals(connection: Connection, window_nos: Collection[int]) -> list[asyncpg.Record]:
    """Return the totals of some windows."""
    return await connection.fetch(SELECT_TOTALS, sorted(window_nos))


class CheckedMessage(NamedTuple):
    """A kept message; `public_key` None: the partner never had a key of this id."""

    partner: int
    digest: bytes
    authority: str
    target: str
    signature_input: str
    signature: str
    content_digest: str
    body: bytes
    public_key: bytes | None


SELECT_MESSAGES = """
SELECT message.partner, message.digest, message.authority, message.target, message.signature_input, message.signature,
    message.content_digest, message.body, partner_key.public_key
FROM message
LEFT JOIN partner_key ON partner_key.keyid = message.keyid AND partner_key.partner = message.partner
"""

SELECT_DISPUTES = """
SELECT dispute.partner, dispute.digest, dispute.authority, dispute.target, dispute.signature_input, dispute.signature,
    dispute.content_digest, dispute.body, partner_key.public_key
FROM dispute
LEFT JOIN partner_key ON partner_key.keyid = dispute.keyid AND partner_key.partner = dispute.partner
"""


async def read_messages(connection: Connection) -> AsyncIterator[list[CheckedMessage]]:
    """Read all evidence, of disputes too, with the keys that signed it, a few hundred messages at a time."""
    for query in (SELECT_MESSAGES, SELECT_DISPUTES):
        cursor = await connection.cursor(query)
        while rows := await cursor.fetch(200):
            yield [CheckedMessage(*row.values()) for row in rows]


SELECT_LANE_WINDOWS = "SELECT window_no, end_leaf, root FROM lane_window WHERE lane = $1 ORDER BY window_no"


async def load_lane_windows(connection: Connection, lane: int) -> list[asyncpg.Record]:
    """Return where each closed window ended in a lane, and the Merkle root written then."""
    return await connection.fetch(SELECT_LANE_WINDOWS, lane)

-- What does each of the books say that members hold, lane by lane?
SELECT lane.lane, lane.outstanding,
    coalesce(totals.growth, 0)::bigint AS booked_by_partners,
    coalesce(lots_booked.growth, 0)::bigint AS booked_in_lots,
    coalesce(lots.remaining, 0)::bigint AS left_in_lots,
    coalesce(balances.balance, 0)::bigint AS balances,
    coalesce(balances.debt, 0)::bigint AS debts
FROM lane
LEFT JOIN (
    SELECT lane, sum(CASE WHEN kind IN ('issued', 'redeem_reversed', 'moved_in') THEN points ELSE -points END) AS growth
    FROM window_total GROUP BY lane
) AS totals ON totals.lane = lane.lane
LEFT JOIN (
    SELECT lane, sum(CASE WHEN kind IN ('issued', 'redeem_reversed', 'moved_in') THEN points ELSE -points END) AS growth
    FROM lot_total GROUP BY lane
) AS lots_booked ON lots_booked.lane = lane.lane
LEFT JOIN (SELECT lane, sum(remaining) AS remaining FROM lot GROUP BY lane) AS lots ON lots.lane = lane.lane
LEFT JOIN (SELECT lane, sum(balance) AS balance, sum(debt) AS debt FROM account GROUP BY lane) AS balances
    ON balances.lane = lane.lane
ORDER BY lane.lane

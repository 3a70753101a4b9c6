-- What is the position of each partner that has a cap, by window, over all windows that it has not paid?
-- $1: the lanes; $2: the partners.
SELECT total.partner, total.window_no, sum(total.points * CASE total.kind
    WHEN 'issued' THEN terms.issue_price + terms.service_fee
    WHEN 'issue_reversed' THEN -(terms.issue_price + terms.service_fee)
    WHEN 'redeemed' THEN -terms.redemption_price * (1 - terms.commission)
    ELSE terms.redemption_price * (1 - terms.commission) END) AS used
FROM window_total AS total
JOIN terms ON terms.partner = total.partner AND terms.version = total.terms_version
JOIN clearing_window ON clearing_window.window_no = total.window_no
LEFT JOIN window_share AS share ON share.window_no = total.window_no AND share.partner = total.partner
WHERE total.lane = ANY($1) AND total.partner = ANY($2::bigint[])
    AND total.kind IN ('issued', 'issue_reversed', 'redeemed', 'redeem_reversed')
    AND NOT coalesce(share.is_cleared, clearing_window.state = 'SETTLED')
GROUP BY total.partner, total.window_no
ORDER BY total.partner, total.window_no

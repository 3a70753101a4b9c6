-- What each reversal of a burn brought back to which lots. Lane table: lot_restoration.

CREATE TABLE lot_restoration (
    lane      smallint NOT NULL,
    leaf      bigint NOT NULL,
    lot_leaf  bigint NOT NULL,
    lot_part  smallint NOT NULL,
    points    bigint NOT NULL,
    PRIMARY KEY (lane, leaf, lot_leaf, lot_part),
    CONSTRAINT lot_restoration_points_positive CHECK (points > 0)
);
COMMENT ON TABLE lot_restoration IS 'What the reversal at leaf brought back to a lot; lot_use.restored of the burn is the sum over its reversals.';

-- Of reversals before this table: the last taken came back first, so they walk through a burn's lots by age. Only where
-- several reversals of one burn lie before and after an expiry may the lots have been of another age then.
INSERT INTO lot_restoration (lane, leaf, lot_leaf, lot_part, points)
SELECT undone.lane, undone.leaf, used.lot_leaf, used.lot_part,
    least(undone.until_point, used.until_point) - greatest(undone.from_point, used.from_point)
FROM (
    SELECT lane, original_leaf, leaf, (sum(points) OVER earlier)::bigint AS until_point,
        (sum(points) OVER earlier - points)::bigint AS from_point
    FROM reversal
    WINDOW earlier AS (PARTITION BY lane, original_leaf ORDER BY leaf)
) AS undone
JOIN (
    SELECT lot_use.lane, lot_use.leaf, lot_use.lot_leaf, lot_use.lot_part,
        (sum(lot_use.restored) OVER younger)::bigint AS until_point,
        (sum(lot_use.restored) OVER younger - lot_use.restored)::bigint AS from_point
    FROM lot_use
    JOIN journal ON journal.lane = lot_use.lane AND journal.leaf = lot_use.leaf
    JOIN lot ON lot.lane = lot_use.lane AND lot.account = journal.account AND lot.leaf = lot_use.lot_leaf
        AND lot.part = lot_use.lot_part
    WHERE lot_use.restored > 0
    WINDOW younger AS (
        PARTITION BY lot_use.lane, lot_use.leaf
        ORDER BY lot.expires_on DESC NULLS FIRST, lot_use.lot_leaf DESC, lot_use.lot_part DESC)
) AS used ON used.lane = undone.lane AND used.leaf = undone.original_leaf
WHERE undone.from_point < used.until_point AND used.from_point < undone.until_point;

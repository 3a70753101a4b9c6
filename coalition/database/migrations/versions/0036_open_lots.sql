-- The lots with points left, in the order in which they are spent: a burn on a card that is used all day reads the few
-- that it empties, not all that the card ever had.

CREATE INDEX lot_open ON lot (lane, account, expires_on, leaf, part) WHERE remaining > 0;

-- What a partner's position was when its cap was set. Local table.

ALTER TABLE net_debit_cap ADD COLUMN position_then numeric;
COMMENT ON COLUMN net_debit_cap.position_then IS 'In money, when the cap was set, since a cap may be set below it; null: not known.';

-- Why a movement on the operator's account was matched to no share, as it was told when it was imported: who looks for what it
-- is of needs it later, too. A local table.

ALTER TABLE bank_entry
    ADD COLUMN reason text,
    ADD COLUMN reason_values jsonb,
    ADD CONSTRAINT bank_entry_reason_is_whole CHECK ((reason IS NULL) = (reason_values IS NULL));
COMMENT ON COLUMN bank_entry.reason IS 'Why it was matched to nothing, as a word of the code; null: it was matched, or was imported before this was kept.';
COMMENT ON COLUMN bank_entry.reason_values IS 'What the words of the reason name: shares, amounts, a batch.';

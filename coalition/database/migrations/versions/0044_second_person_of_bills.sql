-- Windows and corrections are approved by somebody other than who calculated or drafted them, whichever door the
-- approval comes by. The operator's own shell stands in for both persons, and says so by its name.

ALTER TABLE clearing_window
    ADD COLUMN calculated_by text,
    ADD COLUMN approved_by text;
COMMENT ON COLUMN clearing_window.calculated_by IS 'Who calculated what its statements say now.';
COMMENT ON COLUMN clearing_window.approved_by IS 'Who agreed to just that; null: nobody yet.';

-- One by one: clearing_window is a reference table on a cluster, and window_move is not.
DO $$
DECLARE
    moved record;
BEGIN
    FOR moved IN SELECT window_no, to_state, actor FROM window_move WHERE to_state IN ('CALCULATED', 'APPROVED') ORDER BY move
    LOOP
        IF moved.to_state = 'CALCULATED' THEN
            UPDATE clearing_window SET calculated_by = moved.actor
            WHERE window_no = moved.window_no AND state NOT IN ('OPEN', 'CLOSED');
        ELSE
            UPDATE clearing_window SET approved_by = moved.actor
            WHERE window_no = moved.window_no AND state NOT IN ('OPEN', 'CLOSED', 'CALCULATED');
        END IF;
    END LOOP;
END $$;

ALTER TABLE clearing_window
    ADD CONSTRAINT clearing_window_calculated_by_somebody CHECK ((calculated_by IS NULL) = (state IN ('OPEN', 'CLOSED'))),
    ADD CONSTRAINT clearing_window_approved_by_somebody CHECK (
        (approved_by IS NULL) = (state IN ('OPEN', 'CLOSED', 'CALCULATED'))),
    ADD CONSTRAINT clearing_window_approved_by_a_second_person CHECK (
        approved_by <> calculated_by OR calculated_by LIKE 'shell:%');

ALTER TABLE document_correction ADD CONSTRAINT document_correction_approved_by_a_second_person
    CHECK (issued IS NULL OR decided_by <> drafted_by OR drafted_by LIKE 'shell:%');

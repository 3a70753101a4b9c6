-- Terms are approved by somebody other than who drafted them, whichever door they come by. The operator's own shell
-- stands in for both persons, and says so by its name.

ALTER TABLE terms_draft ADD CONSTRAINT terms_draft_approved_by_a_second_person
    CHECK (state <> 'APPROVED' OR decided_by <> drafted_by OR drafted_by LIKE 'shell:%');
ALTER TABLE terms ADD CONSTRAINT terms_approved_by_a_second_person
    CHECK (approved_by IS NULL OR approved_by <> created_by OR created_by LIKE 'shell:%');

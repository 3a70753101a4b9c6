-- A member's language may be unknown until he signs in. Those that are stored stay: which of them were chosen, nothing tells.

ALTER TABLE member ALTER COLUMN language DROP DEFAULT, ALTER COLUMN language DROP NOT NULL;
COMMENT ON COLUMN member.language IS 'Of pages and mails, en or de; null: unknown, and the browser''s is taken at the first sign-in.';

-- The bank's account in DATEV. A local table: datev_settings.

ALTER TABLE datev_settings ADD COLUMN bank bigint NOT NULL DEFAULT 1200;

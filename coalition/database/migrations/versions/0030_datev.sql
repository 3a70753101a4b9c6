-- By which accounts a window is booked in DATEV. Local table.

CREATE TABLE datev_settings (
    only_row           boolean PRIMARY KEY DEFAULT true,
    consultant         integer,
    client             integer,
    fiscal_year_month  smallint NOT NULL DEFAULT 1,
    account_digits     smallint NOT NULL DEFAULT 4,
    debtor_base        bigint NOT NULL DEFAULT 10000,
    creditor_base      bigint NOT NULL DEFAULT 70000,
    points             bigint NOT NULL DEFAULT 1700,
    service_fee        bigint NOT NULL DEFAULT 8200,
    commission         bigint NOT NULL DEFAULT 8510,
    platform_fee       bigint NOT NULL DEFAULT 8200,
    output_vat         text[] NOT NULL DEFAULT '{S 19 DE=1776,S 7 DE=1771}',
    input_vat          text[] NOT NULL DEFAULT '{S 19 DE=1576,S 7 DE=1571}',
    CONSTRAINT datev_settings_has_one_row CHECK (only_row),
    CONSTRAINT datev_settings_consultant_within_limits CHECK (consultant BETWEEN 1001 AND 9999999),
    CONSTRAINT datev_settings_client_within_limits CHECK (client BETWEEN 1 AND 99999),
    CONSTRAINT datev_settings_month_of_year CHECK (fiscal_year_month BETWEEN 1 AND 12),
    CONSTRAINT datev_settings_digits_within_limits CHECK (account_digits BETWEEN 4 AND 8)
);
INSERT INTO datev_settings DEFAULT VALUES;
COMMENT ON COLUMN datev_settings.consultant IS 'Number of the tax adviser, and of the client at his office; null: not set, and nothing is booked.';
COMMENT ON COLUMN datev_settings.output_vat IS 'TREATMENT=ACCOUNT, like S 19 DE=1776.';

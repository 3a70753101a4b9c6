-- Webhooks: where partners want to be told, and how far each has been told. A local table, never joined with lane tables.

CREATE TABLE webhook (
    webhook            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner            bigint NOT NULL REFERENCES partner,
    url                text NOT NULL,
    status             text NOT NULL DEFAULT 'active',
    positions          bigint[] NOT NULL,
    pending            bigint[],
    failures           integer NOT NULL DEFAULT 0,
    failing_since      timestamptz,
    last_fault         text,
    last_delivered_at  timestamptz,
    next_attempt_at    timestamptz NOT NULL,
    created_at         timestamptz NOT NULL,
    CONSTRAINT webhook_url_once_per_partner UNIQUE (partner, url),
    CONSTRAINT webhook_status_known CHECK (status IN ('active', 'disabled')),
    CONSTRAINT webhook_pending_has_all_lanes CHECK (cardinality(pending) = cardinality(positions)),
    CONSTRAINT webhook_failures_not_negative CHECK (failures >= 0)
) WITH (fillfactor = 50);
COMMENT ON COLUMN webhook.positions IS 'For each lane, from lane 0 on, the first leaf that is not delivered yet.';
COMMENT ON COLUMN webhook.pending IS 'The positions after what is being delivered, written before the first attempt: each repeat holds the same events.';
COMMENT ON COLUMN webhook.last_fault IS 'Why the last attempt failed; null: it did not.';
COMMENT ON COLUMN webhook.failing_since IS 'The first of the failures in a row; after days of them the webhook is disabled.';

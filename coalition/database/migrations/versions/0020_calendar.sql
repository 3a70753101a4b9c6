-- When windows close by themselves. Local tables; those of pgqueuer, which rings the bell, are made by itself.

CREATE TABLE window_calendar (
    only_row       boolean PRIMARY KEY DEFAULT true,
    frequency      text NOT NULL DEFAULT 'none',
    at_minute      smallint NOT NULL DEFAULT 0,
    weekday        smallint NOT NULL DEFAULT 1,
    day_of_month   smallint NOT NULL DEFAULT 1,
    is_calculated  boolean NOT NULL DEFAULT false,
    set_at         timestamptz NOT NULL DEFAULT now(),
    set_by         text NOT NULL DEFAULT '',
    CONSTRAINT window_calendar_has_one_row CHECK (only_row),
    CONSTRAINT window_calendar_frequency_known CHECK (frequency IN ('none', 'daily', 'weekly', 'monthly')),
    CONSTRAINT window_calendar_within_limits CHECK (
        at_minute BETWEEN 0 AND 1439 AND weekday BETWEEN 1 AND 7 AND day_of_month BETWEEN 1 AND 31)
);
COMMENT ON COLUMN window_calendar.weekday IS '1: Monday. Used by weekly closes, as day_of_month by monthly ones.';
COMMENT ON COLUMN window_calendar.is_calculated IS 'A window closed by the calendar is calculated too; never approved.';
INSERT INTO window_calendar DEFAULT VALUES;

CREATE TABLE calendar_close (
    window_no   integer PRIMARY KEY,
    boundary    timestamptz NOT NULL,
    boundaries  integer NOT NULL,
    decided_at  timestamptz NOT NULL,
    fault       text,
    CONSTRAINT calendar_close_counts_boundaries CHECK (boundaries > 0)
);
COMMENT ON TABLE calendar_close IS 'Why a window was closed by the calendar: the newest boundary since it was opened, and how many there were. fault: why it could not be calculated.';

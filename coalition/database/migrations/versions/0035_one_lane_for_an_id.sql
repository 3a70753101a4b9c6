-- One operation id, one lane: the net below the look-ups, for what two hubs get at the very same moment.
-- Only where the table is one: a distributed one keeps no constraint without its lane, and has the look-ups alone.

CREATE UNIQUE INDEX operation_id_in_one_lane ON operation (operation_id, partner);

-- Stands in for Citus where there is none: the functions and views that `coalition database distribute` uses, with the
-- refusals that Citus documents. It moves no data; that is for a real cluster to show.
CREATE SCHEMA citus;
CREATE TYPE citus.shard_transfer_mode AS ENUM ('auto', 'force_logical', 'block_writes');

CREATE TABLE pg_dist_local_group (groupid integer NOT NULL);
INSERT INTO pg_dist_local_group VALUES (0);
CREATE TABLE pg_dist_node (groupid integer PRIMARY KEY, nodename text NOT NULL, nodeport integer NOT NULL,
    isactive boolean NOT NULL, shouldhaveshards boolean NOT NULL, noderole text NOT NULL);
INSERT INTO pg_dist_node VALUES (0, 'coordinator', 5432, true, false, 'primary'), (1, 'worker-1', 5432, true, true, 'primary'),
    (2, 'worker-2', 5432, true, true, 'primary');
CREATE TABLE citus_tables (table_name regclass PRIMARY KEY, citus_table_type text NOT NULL, distribution_column text NOT NULL,
    shard_count integer NOT NULL);
CREATE TABLE pg_dist_shard_placement (shardid bigint PRIMARY KEY, nodename text NOT NULL, nodeport integer NOT NULL);
CREATE TABLE shard_move (shardid bigint, mode citus.shard_transfer_mode);

CREATE FUNCTION refuse(told text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION '%', told USING ERRCODE = 'feature_not_supported';
END $$;

CREATE FUNCTION create_distributed_table(named regclass, key text, colocate_with text DEFAULT 'default', shard_count integer DEFAULT 32)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE beside integer;
BEGIN
    IF EXISTS (SELECT FROM citus_tables WHERE table_name = named) THEN
        PERFORM refuse(format('table %s is already distributed', named));
    END IF;
    IF EXISTS (SELECT FROM pg_index WHERE indrelid = named AND indisunique
               AND NOT (SELECT attnum FROM pg_attribute WHERE attrelid = named AND attname = key) = ANY(indkey::smallint[])) THEN
        PERFORM refuse(format('cannot create constraint on %s: unique without %s', named, key));
    END IF;
    IF EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND (conrelid = named OR confrelid = named)) THEN
        PERFORM refuse(format('foreign keys of %s', named));
    END IF;
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = named AND NOT tgisinternal) THEN
        PERFORM refuse(format('triggers are not supported on %s', named));
    END IF;
    IF colocate_with = 'none' THEN
        INSERT INTO pg_dist_shard_placement SELECT 102000 + place, 'worker-' || 1 + place % 2, 5432
        FROM generate_series(0, shard_count - 1) AS place;
        beside := shard_count;
    ELSE
        SELECT t.shard_count INTO STRICT beside FROM citus_tables AS t WHERE table_name = colocate_with::regclass;
    END IF;
    INSERT INTO citus_tables VALUES (named, 'distributed', key, beside);
END $$;

CREATE FUNCTION create_reference_table(named regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM citus_tables WHERE table_name = named) THEN
        PERFORM refuse(format('table %s is already distributed', named));
    END IF;
    IF EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND (conrelid = named OR confrelid = named)) THEN
        PERFORM refuse(format('%s is chained by foreign keys', named));
    END IF;
    INSERT INTO citus_tables VALUES (named, 'reference', '<none>', 1);
END $$;

CREATE FUNCTION truncate_local_data_after_distributing_table(named regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM citus_tables WHERE table_name = named) THEN
        PERFORM refuse(format('%s is not distributed', named));
    END IF;
END $$;

CREATE FUNCTION get_shard_id_for_distribution_column(named regclass, lane smallint) RETURNS bigint LANGUAGE sql AS $$
    SELECT 102000 + least((hashint2(lane)::bigint + 2147483648) / (4294967296 / shard_count), shard_count - 1)
    FROM citus_tables WHERE table_name = named
$$;

CREATE FUNCTION citus_move_shard_placement(shard_id bigint, source_node_name text, source_node_port integer,
    target_node_name text, target_node_port integer, shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pg_dist_shard_placement SET nodename = target_node_name, nodeport = target_node_port
    WHERE shardid = shard_id AND nodename = source_node_name AND nodeport = source_node_port;
    IF NOT FOUND THEN PERFORM refuse('could not find placement'); END IF;
    INSERT INTO shard_move VALUES (shard_id, shard_transfer_mode);
END $$;

CREATE FUNCTION uuid_nil() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT '00000000-0000-0000-0000-000000000000'::uuid $$;
CREATE FUNCTION uuid_ns_dns() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
CREATE FUNCTION uuid_ns_url() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
CREATE FUNCTION uuid_ns_oid() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
CREATE FUNCTION uuid_ns_x500() RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

CREATE FUNCTION uuid_generate_v4() RETURNS uuid VOLATILE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT pg_catalog.gen_random_uuid() $$;

-- Version 1 counts 100 ns since 15 October 1582; the clock sequence and the node are random, the node's multicast bit
-- set as RFC 4122 asks of a node that is no network card.
CREATE FUNCTION uuid_generate_v1mc() RETURNS uuid VOLATILE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    ticks text := lpad(to_hex(((extract(epoch FROM clock_timestamp()) * 10000000)::numeric + 122192928000000000)::bigint), 16, '0');
    noise bytea := decode(replace(pg_catalog.gen_random_uuid()::text, '-', ''), 'hex');
BEGIN
    noise := set_byte(set_byte(noise, 10, get_byte(noise, 10) | 1), 8, (get_byte(noise, 8) & 63) | 128);
    RETURN (substr(ticks, 9, 8) || substr(ticks, 5, 4) || '1' || substr(ticks, 2, 3) || encode(substr(noise, 9, 8), 'hex'))::uuid;
END $$;
-- The same again: a function that called the other would have to know in which schema the extension lies.
CREATE FUNCTION uuid_generate_v1() RETURNS uuid VOLATILE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    ticks text := lpad(to_hex(((extract(epoch FROM clock_timestamp()) * 10000000)::numeric + 122192928000000000)::bigint), 16, '0');
    noise bytea := decode(replace(pg_catalog.gen_random_uuid()::text, '-', ''), 'hex');
BEGIN
    noise := set_byte(set_byte(noise, 10, get_byte(noise, 10) | 1), 8, (get_byte(noise, 8) & 63) | 128);
    RETURN (substr(ticks, 9, 8) || substr(ticks, 5, 4) || '1' || substr(ticks, 2, 3) || encode(substr(noise, 9, 8), 'hex'))::uuid;
END $$;

CREATE FUNCTION uuid_generate_v3(namespace uuid, name text) RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    hash bytea := decode(md5(decode(replace(namespace::text, '-', ''), 'hex') || convert_to(name, 'UTF8')), 'hex');
BEGIN
    hash := set_byte(set_byte(hash, 6, (get_byte(hash, 6) & 15) | 48), 8, (get_byte(hash, 8) & 63) | 128);
    RETURN encode(hash, 'hex')::uuid;
END $$;

-- PostgreSQL has no SHA-1 of its own, so here it is (FIPS 180-4).
CREATE FUNCTION uuid_generate_v5(namespace uuid, name text) RETURNS uuid IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    mask constant bigint := 4294967295;
    message bytea := decode(replace(namespace::text, '-', ''), 'hex') || convert_to(name, 'UTF8');
    bits constant bigint := length(message) * 8;
    state bigint[] := ARRAY[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
    w bigint[];
    a bigint; b bigint; c bigint; d bigint; e bigint; f bigint; k bigint; step bigint; mix bigint;
    hash bytea;
BEGIN
    message := message || '\x80'::bytea || decode(repeat('00', (119 - length(message) % 64) % 64), 'hex')
        || decode(lpad(to_hex(bits), 16, '0'), 'hex');
    FOR chunk IN 0 .. length(message) / 64 - 1 LOOP
        FOR t IN 0 .. 15 LOOP
            w[t] := ('x' || encode(substr(message, chunk * 64 + t * 4 + 1, 4), 'hex'))::bit(32)::bigint & mask;
        END LOOP;
        FOR t IN 16 .. 79 LOOP
            mix := w[t - 3] # w[t - 8] # w[t - 14] # w[t - 16];
            w[t] := ((mix << 1) | (mix >> 31)) & mask;
        END LOOP;
        a := state[1]; b := state[2]; c := state[3]; d := state[4]; e := state[5];
        FOR t IN 0 .. 79 LOOP
            IF t < 20 THEN f := (b & c) | ((~b & mask) & d); k := 1518500249;
            ELSIF t < 40 THEN f := b # c # d; k := 1859775393;
            ELSIF t < 60 THEN f := (b & c) | (b & d) | (c & d); k := 2400959708;
            ELSE f := b # c # d; k := 3395469782;
            END IF;
            step := ((((a << 5) | (a >> 27)) & mask) + f + e + k + w[t]) & mask;
            e := d; d := c; c := ((b << 30) | (b >> 2)) & mask; b := a; a := step;
        END LOOP;
        state := ARRAY[(state[1] + a) & mask, (state[2] + b) & mask, (state[3] + c) & mask, (state[4] + d) & mask, (state[5] + e) & mask];
    END LOOP;
    hash := decode(lpad(to_hex(state[1]), 8, '0') || lpad(to_hex(state[2]), 8, '0') || lpad(to_hex(state[3]), 8, '0')
        || lpad(to_hex(state[4]), 8, '0'), 'hex');
    hash := set_byte(set_byte(hash, 6, (get_byte(hash, 6) & 15) | 80), 8, (get_byte(hash, 8) & 63) | 128);
    RETURN encode(hash, 'hex')::uuid;
END $$;

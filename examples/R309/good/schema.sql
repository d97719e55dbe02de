-- pg_dump --schema-only --no-owner of a database at 2e9b4c7d1a02
CREATE TABLE users (
    id serial PRIMARY KEY,
    email varchar(255) NOT NULL
);

CREATE TABLE legacy_orders (
    id serial PRIMARY KEY,
    total numeric(10, 2)
);

-- The table as any application would lay it out, without a check, an order or a rule.
CREATE TABLE bare (
    stream_id  TEXT        NOT NULL,
    version    BIGINT      NOT NULL,
    event_type TEXT        NOT NULL,
    event_data BYTEA       NOT NULL,
    metadata   JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (stream_id, version)
);
CREATE INDEX ON bare (created_at);
CREATE INDEX ON bare (event_type);
-- What is read: the same columns and events as the store's log, with one number for the order.
CREATE TABLE bare_log (
    position   BIGSERIAL   PRIMARY KEY,
    stream_id  TEXT        NOT NULL,
    version    BIGINT      NOT NULL,
    event_id   UUID        NOT NULL,
    event_type TEXT        NOT NULL,
    event_data BYTEA       NOT NULL,
    metadata   JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (stream_id, version)
);
-- What batches are written to: the store's columns and indexes, without its triggers.
CREATE TABLE bare_events (LIKE events INCLUDING DEFAULTS INCLUDING INDEXES);

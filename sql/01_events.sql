-- processed.events: what visitors did, each event once and only where every field can be trusted.
--
-- An event without a user or a time, of an unknown type, of a user or item that does not exist, of more
-- than an hour ahead of its own arrival, or with an amount that is no number or negative, is kept in
-- processed.events$quarantine, with all that is wrong with it. Of an event that was sent again the first
-- arrival is kept. Late events stay: what they tell is true.
CREATE OR REPLACE TABLE processed.events (
    event_id BIGINT,
    event_type VARCHAR,
    user_id BIGINT,
    item_id BIGINT,
    event_time TIMESTAMP,
    arrived_at TIMESTAMP,
    amount DECIMAL(12, 2),
    dt DATE,
    CONSTRAINT missing_user EXPECT NOT NULL (user_id) ON VIOLATION QUARANTINE,
    CONSTRAINT missing_time EXPECT NOT NULL (event_time) ON VIOLATION QUARANTINE,
    CONSTRAINT unknown_type EXPECT (event_type IN ('view', 'click', 'purchase')) ON VIOLATION QUARANTINE,
    CONSTRAINT negative_amount EXPECT (amount >= 0) ON VIOLATION QUARANTINE,
    CONSTRAINT duplicate_event EXPECT UNIQUE (event_id) KEEP FIRST BY arrived_at ON VIOLATION QUARANTINE,
    CONSTRAINT orphan_user EXPECT FOREIGN KEY (user_id) REFERENCES raw.users (user_id) ON VIOLATION QUARANTINE,
    CONSTRAINT orphan_item EXPECT FOREIGN KEY (item_id) REFERENCES raw.items (item_id) ON VIOLATION QUARANTINE,
    CONSTRAINT future_event EXPECT (event_time <= arrived_at + INTERVAL '1 hour') ON VIOLATION QUARANTINE
)
PARTITIONED BY (dt)
COMMENT 'What visitors did, each event once and only where every field can be trusted'
WITH (on_cast_error = 'quarantine') AS
SELECT event_id, event_type, user_id, item_id, event_time, arrived_at, amount, dt
FROM raw.events;

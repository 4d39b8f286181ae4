-- processed.events: what visitors did, each event once and only where every field can be trusted.
--
-- An event is dropped if it has no user or no time, if its type is unknown, if its user or item does
-- not exist, if it lies more than an hour ahead of its own arrival, or if its amount is no number or
-- negative. Of an event that was sent again the first arrival is kept. Late events stay: what they
-- tell is true.
CREATE OR REPLACE TABLE processed.events
PARTITIONED BY (dt) AS
SELECT
    event_id,
    event_type,
    user_id,
    item_id,
    event_time,
    arrived_at,
    TRY_CAST(amount AS DECIMAL(12, 2)) AS amount,
    dt
FROM raw.events
WHERE event_type IN ('view', 'click', 'purchase')
    AND event_time <= arrived_at + INTERVAL '1 hour'
    AND user_id IN (SELECT user_id FROM raw.users)
    AND item_id IN (SELECT item_id FROM raw.items)
    AND (amount IS NULL OR TRY_CAST(amount AS DECIMAL(12, 2)) >= 0)
QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY arrived_at) = 1;

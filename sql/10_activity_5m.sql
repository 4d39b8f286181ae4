-- curated.activity_5m: how busy the shop was, in windows of five minutes that begin every minute.
--
-- A window holds the events from its start up to, but not including, its end, so that an event falls
-- into five of them. A window without events has no row.
CREATE OR REPLACE TABLE curated.activity_5m AS
WITH hopped AS (
    SELECT
        event_type,
        user_id,
        date_bin(INTERVAL '1 minute', event_time) - back AS window_start
    FROM processed.events
    CROSS JOIN (
        VALUES
            (INTERVAL '0 minutes'),
            (INTERVAL '1 minute'),
            (INTERVAL '2 minutes'),
            (INTERVAL '3 minutes'),
            (INTERVAL '4 minutes')
    ) AS starts (back)
)
SELECT
    window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    count(*) FILTER (WHERE event_type = 'view') AS views,
    count(*) FILTER (WHERE event_type = 'click') AS clicks,
    count(*) FILTER (WHERE event_type = 'purchase') AS purchases,
    count(DISTINCT user_id) AS users
FROM hopped
GROUP BY window_start;

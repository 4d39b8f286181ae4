-- curated.activity_5m: how busy the shop was, in windows of five minutes that begin every minute.
--
-- A window holds the events from its start up to, but not including, its end, so that an event falls
-- into five of them. A window without events has no row.
CREATE OR REPLACE TABLE curated.activity_5m
COMMENT 'How busy the shop was, in windows of five minutes that begin every minute' AS
SELECT
    window_start,
    window_end,
    count(*) FILTER (WHERE event_type = 'view') AS views,
    count(*) FILTER (WHERE event_type = 'click') AS clicks,
    count(*) FILTER (WHERE event_type = 'purchase') AS purchases,
    count(DISTINCT user_id) AS users
FROM HOP(processed.events, event_time, INTERVAL '1 minute', INTERVAL '5 minutes')
GROUP BY window_start, window_end;

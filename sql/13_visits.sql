-- curated.visits: each user's visits: events no more than half an hour apart (windows of a session).
--
-- A visit ends half an hour after its last event, as the window does.
CREATE OR REPLACE TABLE curated.visits
COMMENT 'Each user''s visits: events no more than half an hour apart (windows of a session)' AS
SELECT
    user_id,
    window_start AS began,
    window_end AS ended,
    count(*) AS events,
    count(DISTINCT item_id) AS items,
    count(*) FILTER (WHERE event_type = 'purchase') AS purchases
FROM SESSION(processed.events, event_time, INTERVAL '30 minutes', key => [user_id])
GROUP BY user_id, window_start, window_end;

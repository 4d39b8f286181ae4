-- curated.hourly_sales: purchases and their worth by the hour (windows that tumble: each event lies in one).
CREATE OR REPLACE TABLE curated.hourly_sales
COMMENT 'Purchases and their worth by the hour (windows that tumble)' AS
SELECT
    window_start AS hour,
    count(*) AS purchases,
    count(DISTINCT user_id) AS buyers,
    CAST(sum(amount) AS DECIMAL(18, 2)) AS worth
FROM TUMBLE((SELECT * FROM processed.events WHERE event_type = 'purchase'), event_time, INTERVAL '1 hour')
GROUP BY window_start;

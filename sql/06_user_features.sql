-- curated.user_features: what each user did, in all and lately.
--
-- A score counts an event of today as one and halves it with every week that has passed, as of the
-- sample's fixed now. Weights are summed as decimals: unlike floating-point numbers they give the
-- same sum in every order, so that a second run gives the same table.
CREATE OR REPLACE TABLE curated.user_features
COMMENT 'What each user did, in all and lately' AS
WITH weighted AS (
    SELECT
        user_id,
        event_type,
        event_time,
        amount,
        CAST(power(0.5, age_seconds / (7 * 86400)) AS DECIMAL(18, 9)) AS weight
    FROM (
        SELECT
            *,
            date_part('epoch', TIMESTAMP '2026-02-01 00:00:00') - date_part('epoch', event_time)
                AS age_seconds
        FROM processed.events
    ) AS aged
)
SELECT
    user_id,
    count(*) FILTER (WHERE event_type = 'view') AS views,
    count(*) FILTER (WHERE event_type = 'click') AS clicks,
    count(*) FILTER (WHERE event_type = 'purchase') AS purchases,
    CAST(coalesce(sum(weight) FILTER (WHERE event_type = 'view'), 0) AS DOUBLE) AS view_score,
    CAST(coalesce(sum(weight) FILTER (WHERE event_type = 'click'), 0) AS DOUBLE) AS click_score,
    CAST(coalesce(sum(weight) FILTER (WHERE event_type = 'purchase'), 0) AS DOUBLE) AS purchase_score,
    CAST(coalesce(sum(amount), 0) AS DECIMAL(18, 2)) AS spent,
    max(event_time) AS last_seen
FROM weighted
GROUP BY user_id;

-- curated.daily_sales: orders, pieces and revenue of each day and category.
--
-- What was returned is counted apart and brings no revenue. Items that are no longer on sale keep
-- their orders, under the category 'unlisted'.
CREATE OR REPLACE TABLE curated.daily_sales
COMMENT 'Orders, pieces and revenue of each day and category' AS
SELECT
    o.dt AS day,
    coalesce(i.category, 'unlisted') AS category,
    count(*) AS orders,
    count(*) FILTER (WHERE o.status = 'returned') AS returns,
    coalesce(sum(o.quantity) FILTER (WHERE o.status <> 'returned'), 0) AS pieces,
    CAST(
        coalesce(sum(o.quantity * o.unit_price) FILTER (WHERE o.status <> 'returned'), 0)
        AS DECIMAL(18, 2)
    ) AS revenue
FROM processed.orders AS o
LEFT JOIN processed.items AS i ON i.item_id = o.item_id
GROUP BY o.dt, coalesce(i.category, 'unlisted');

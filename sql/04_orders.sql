-- processed.orders: orders of users who exist, with a known status and at least one piece.
--
-- An order that is still merely placed after two weeks is kept and marked: somebody should look.
-- The sample's now is fixed, so that the answer does not change from day to day.
CREATE OR REPLACE TABLE processed.orders
PARTITIONED BY (dt) AS
SELECT
    order_id,
    user_id,
    item_id,
    quantity,
    unit_price,
    status,
    ordered_at,
    status = 'placed'
        AND ordered_at < TIMESTAMP '2026-02-01 00:00:00' - INTERVAL '14 days' AS is_stale,
    dt
FROM raw.orders
WHERE status IN ('placed', 'paid', 'shipped', 'returned')
    AND quantity > 0
    AND user_id IN (SELECT user_id FROM raw.users);

-- processed.orders: orders of users who exist, with a known status and at least one piece.
--
-- An order that is still merely placed after two weeks is kept and marked: somebody should look.
-- The sample's now is fixed, so that the answer does not change from day to day.
CREATE OR REPLACE TABLE processed.orders (
    order_id BIGINT NOT NULL,
    user_id BIGINT,
    item_id BIGINT,
    quantity INT,
    unit_price DECIMAL(12, 2),
    status VARCHAR,
    ordered_at TIMESTAMP,
    is_stale BOOLEAN,
    dt DATE,
    CONSTRAINT orphan_order_user EXPECT FOREIGN KEY (user_id) REFERENCES raw.users (user_id) ON VIOLATION QUARANTINE,
    CONSTRAINT bad_status EXPECT (status IN ('placed', 'paid', 'shipped', 'returned')) ON VIOLATION QUARANTINE,
    CONSTRAINT negative_quantity EXPECT (quantity > 0) ON VIOLATION QUARANTINE,
    CONSTRAINT stale_order EXPECT (NOT is_stale) ON VIOLATION WARN WITH (severity = 'warning')
)
PARTITIONED BY (dt)
COMMENT 'Orders of users who exist, with a known status and at least one piece' AS
SELECT
    order_id,
    user_id,
    item_id,
    quantity,
    unit_price,
    status,
    ordered_at,
    status = 'placed'
        AND ordered_at < TIMESTAMP '2026-02-01 00:00:00' - INTERVAL '14 days',
    dt
FROM raw.orders;

-- processed.users: one row a user, with typed and normalised fields.
--
-- A user who is listed again is taken as of the last sign-up. A broken e-mail address or age becomes
-- NULL, and the user stays: the events and orders are real.
CREATE OR REPLACE TABLE processed.users AS
SELECT
    user_id,
    CASE
        WHEN regexp_like(trim(email), '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$') THEN lower(trim(email))
    END AS email,
    country,
    CASE
        WHEN TRY_CAST(age AS INT) BETWEEN 0 AND 120 THEN TRY_CAST(age AS INT)
    END AS age,
    TRY_CAST(signed_up AS DATE) AS signed_up
FROM raw.users
WHERE user_id IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY signed_up DESC, email, age) = 1;

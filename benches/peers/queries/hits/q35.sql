-- compare: c
SELECT 1 AS one, "URL", COUNT(*) AS c FROM hits GROUP BY one, "URL" ORDER BY c DESC LIMIT 10;

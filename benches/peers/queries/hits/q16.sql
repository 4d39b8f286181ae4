-- compare: c
SELECT "UserID", COUNT(*) AS c FROM hits GROUP BY "UserID" ORDER BY c DESC LIMIT 10;

-- compare: all
SELECT COUNT(*) AS c FROM hits;

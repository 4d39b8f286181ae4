-- compare: all
SELECT COUNT(DISTINCT "UserID") AS c FROM hits;

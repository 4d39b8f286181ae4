-- compare: all
SELECT "UserID" FROM hits WHERE "UserID" = 435090932899640449;

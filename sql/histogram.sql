-- Are the best sets far ahead, or is any set as good as the next? How r is spread over all
-- sets of three. Nothing but r is asked for, so nothing else is built.
SELECT   floor(r * 50) / 50                  AS from_r,
         count(*)                            AS sets,
         repeat('*', CAST(count(*) AS INT))  AS bar
FROM     k_corrset('sql/data/quiz.csv', 3, user => 'student', question => 'item', score => 'points')
GROUP BY from_r
ORDER BY from_r;

-- +--------+------+--------------------+
-- | from_r | sets | bar                |
-- +--------+------+--------------------+
-- | 0.84   | 1    | *                  |
-- | 0.86   | 1    | *                  |
-- | 0.88   | 4    | ****               |
-- | 0.9    | 7    | *******            |
-- | 0.92   | 6    | ******             |
-- | 0.94   | 17   | *****************  |
-- | 0.96   | 18   | ****************** |
-- | 0.98   | 2    | **                 |
-- +--------+------+--------------------+

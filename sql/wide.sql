-- A row a user and a column a question, as surveys and spreadsheets have it: say wide => true.
-- Here such a table is made of the answers in rows.
CREATE VIEW survey AS
SELECT   student AS id,
         CASE WHEN student % 2 = 0 THEN 'north' ELSE 'south' END AS region,
         max(points) FILTER (WHERE item = 10) AS q10,
         max(points) FILTER (WHERE item = 20) AS q20,
         max(points) FILTER (WHERE item = 30) AS q30,
         max(points) FILTER (WHERE item = 40) AS q40,
         max(points) FILTER (WHERE item = 50) AS q50
FROM     'sql/data/quiz.csv'
GROUP BY student;

SELECT * FROM survey ORDER BY id LIMIT 3;

-- The id is no question, nor is the region, which is no score either.
SELECT *
FROM   k_corrset((SELECT * EXCLUDE (region) FROM survey), 2, wide => true, user => 'id', top => 5);

-- +------------+--------------------+----+
-- | questions  | r                  | n  |
-- +------------+--------------------+----+
-- | [q20, q30] | 0.9820341060371037 | 32 |
-- | [q20, q50] | 0.9690515719868237 | 34 |
-- | [q40, q50] | 0.963497057614682  | 34 |
-- | [q10, q20] | 0.9613541306384527 | 30 |
-- | [q10, q50] | 0.9324906587333759 | 30 |
-- +------------+--------------------+----+

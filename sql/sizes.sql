-- How long does the short form have to be? The best set of each size from 1 to 6, and
-- what another question adds. Every set rests on 15 students or more.
WITH scores AS (
    SELECT student AS "user", item AS question, points AS score
    FROM   'sql/data/quiz.csv'
),
best AS (
              SELECT * FROM k_corrset(scores, 1, min_users => 15, top => 1)
    UNION ALL SELECT * FROM k_corrset(scores, 2, min_users => 15, top => 1)
    UNION ALL SELECT * FROM k_corrset(scores, 3, min_users => 15, top => 1)
    UNION ALL SELECT * FROM k_corrset(scores, 4, min_users => 15, top => 1)
    UNION ALL SELECT * FROM k_corrset(scores, 5, min_users => 15, top => 1)
    UNION ALL SELECT * FROM k_corrset(scores, 6, min_users => 15, top => 1)
)
SELECT cardinality(questions)                                           AS k,
       questions,
       round(r, 4)                                                      AS r,
       round(r - lag(r) OVER (ORDER BY cardinality(questions)), 4)      AS gain,
       n
FROM   best
ORDER  BY k;

-- +---+--------------------------+--------+--------+----+
-- | k | questions                | r      | gain   | n  |
-- +---+--------------------------+--------+--------+----+
-- | 1 | [70]                     | 0.8856 | NULL   | 35 |
-- | 2 | [20, 30]                 | 0.9651 | 0.0795 | 32 |
-- | 3 | [20, 30, 80]             | 0.9865 | 0.0214 | 32 |
-- | 4 | [10, 20, 50, 60]         | 0.9932 | 0.0066 | 28 |
-- | 5 | [10, 40, 50, 60, 70]     | 0.9961 | 0.003  | 28 |
-- | 6 | [10, 40, 50, 60, 70, 80] | 0.9964 | 0.0003 | 28 |
-- +---+--------------------------+--------+--------+----+

-- A short form is there already and may grow: questions 40 and 60 stay, and two more
-- come. Which two? Every set has to contain what is fixed.
SELECT questions, round(r, 4) AS r, n
FROM   k_corrset('sql/data/quiz.csv', 4,
           user => 'student', question => 'item', score => 'points',
           include => [40, 60], min_users => 20)
ORDER  BY r DESC, questions
LIMIT  5;

-- The same as a condition; the sweep takes it over, and no set without them is summed.
EXPLAIN
SELECT *
FROM   k_corrset('sql/data/quiz.csv', 4, user => 'student', question => 'item', score => 'points')
WHERE  array_has_all(questions, [40, 60]) AND n >= 20;

-- What each further question would bring: the best set that contains it, beside the fixed.
SELECT   added, round(max(r), 4) AS best_r
FROM     (SELECT unnest(array_except(questions, [40, 60])) AS added, r
          FROM   k_corrset('sql/data/quiz.csv', 4,
                     user => 'student', question => 'item', score => 'points',
                     include => [40, 60], min_users => 20))
GROUP BY added
ORDER BY best_r DESC, added
LIMIT    5;

-- +-------+--------+
-- | added | best_r |
-- +-------+--------+
-- | 10    | 0.9921 |
-- | 50    | 0.9921 |
-- | 70    | 0.9902 |
-- | 30    | 0.9862 |
-- | 80    | 0.9716 |
-- +-------+--------+

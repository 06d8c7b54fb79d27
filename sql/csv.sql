-- A file whose columns have names of their own: say which one plays which role.
-- Questions are numbers here, and points go from 0 to 10.
SELECT *
FROM   'sql/data/quiz.csv'
LIMIT  3;

SELECT questions, r, n
FROM   k_corrset('sql/data/quiz.csv', 2, user => 'student', question => 'item', score => 'points')
ORDER  BY r DESC, questions
LIMIT  5;

-- Question 40 has to stay in, 10 and 20 are out; every set rests on 20 students or more.
SELECT questions, r, n
FROM   k_corrset('sql/data/quiz.csv', 3,
           user => 'student', question => 'item', score => 'points',
           include => [40], exclude => [10, 20], min_users => 20, top => 5);

-- +--------------+--------------------+----+
-- | questions    | r                  | n  |
-- +--------------+--------------------+----+
-- | [40, 50, 60] | 0.969591738316527  | 30 |
-- | [30, 40, 70] | 0.965436138893993  | 32 |
-- | [40, 50, 80] | 0.9630656418632249 | 34 |
-- | [40, 60, 70] | 0.959408969478212  | 30 |
-- | [40, 50, 70] | 0.9583528289985075 | 34 |
-- +--------------+--------------------+----+

-- One quiz, two courses: do the same questions tell who does well? Each course is a table of its own, with grand totals of
-- its own: partition_by => 'course'.
CREATE VIEW quiz AS
SELECT student AS "user", item AS question, points AS score,
       CASE student % 2 WHEN 0 THEN 'day' ELSE 'evening' END AS course
FROM   'sql/data/quiz.csv';

-- 1. The best pairs of each.
SELECT   course, questions, round(r, 4) AS r, n
FROM     k_corrset(quiz, 2, partition_by => 'course', min_users => 8, top => 3)
ORDER BY course, r DESC;

-- +---------+-----------+--------+----+
-- | course  | questions | r      | n  |
-- +---------+-----------+--------+----+
-- | day     | [20, 30]  | 0.9828 | 15 |
-- | day     | [20, 50]  | 0.9828 | 15 |
-- | day     | [40, 50]  | 0.9817 | 15 |
-- | evening | [50, 60]  | 0.958  | 15 |
-- | evening | [60, 70]  | 0.9541 | 15 |
-- | evening | [10, 60]  | 0.9537 | 13 |
-- +---------+-----------+--------+----+

-- 2. Where the courses differ most: the sets of one beside those of the other.
WITH pairs AS (
    SELECT * FROM k_corrset(quiz, 2, partition_by => 'course', min_users => 8)
)
SELECT   day.questions,
         round(day.r, 4)             AS day_r,
         round(evening.r, 4)         AS evening_r,
         round(day.r - evening.r, 4) AS difference
FROM     pairs AS day
JOIN     pairs AS evening ON evening.questions = day.questions
WHERE    day.course = 'day' AND evening.course = 'evening'
ORDER BY abs(day.r - evening.r) DESC, day.questions
LIMIT    5;

-- +-----------+--------+-----------+------------+
-- | questions | day_r  | evening_r | difference |
-- +-----------+--------+-----------+------------+
-- | [40, 60]  | 0.7563 | 0.8769    | -0.1206    |
-- | [30, 50]  | 0.9292 | 0.819     | 0.1103     |
-- | [10, 60]  | 0.8752 | 0.9537    | -0.0785    |
-- | [60, 80]  | 0.8134 | 0.8891    | -0.0757    |
-- | [10, 40]  | 0.8712 | 0.9367    | -0.0655    |
-- +-----------+--------+-----------+------------+

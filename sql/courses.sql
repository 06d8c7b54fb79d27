-- One quiz, two courses: do the same questions tell who does well? Each call has an input of
-- its own, and the results join like any relations.
CREATE VIEW quiz AS
SELECT student AS "user", item AS question, points AS score,
       CASE student % 2 WHEN 0 THEN 'day' ELSE 'evening' END AS course
FROM   'sql/data/quiz.csv';

SELECT   day.questions,
         round(day.r, 4)             AS day_r,
         round(evening.r, 4)         AS evening_r,
         round(day.r - evening.r, 4) AS difference
FROM     k_corrset((SELECT * FROM quiz WHERE course = 'day'),     2, min_users => 8) AS day
JOIN     k_corrset((SELECT * FROM quiz WHERE course = 'evening'), 2, min_users => 8) AS evening
         ON day.questions = evening.questions
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

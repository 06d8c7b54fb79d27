-- Which questions predict something outside the quiz? Here each student has a grade of a later exam, and a set is to
-- tell that, instead of the total on the quiz: criterion => 'grade'.
CREATE VIEW quiz AS
SELECT student AS "user", item AS question, points AS score FROM 'sql/data/quiz.csv';

-- 1. The grades; some did not sit the exam. Every row of the input has the grade of its student.
CREATE VIEW graded AS
SELECT quiz.*, CASE WHEN quiz."user" % 9 <> 7 THEN round(30 + 9 * total.points + 41 * quiz."user" % 19, 1) END AS grade
FROM   quiz
JOIN   (SELECT "user", avg(score) AS points FROM quiz WHERE question <= 40 GROUP BY "user") AS total
       ON total."user" = quiz."user";

SELECT DISTINCT "user", grade FROM graded ORDER BY "user" LIMIT 3;

-- +------+-------+
-- | user | grade |
-- +------+-------+
-- | 1001 | 62.5  |
-- | 1002 | 76.8  |
-- | 1003 | 97.8  |
-- +------+-------+

-- 2. What predicts the grade best, and what does the same set say of the quiz itself? Who has no grade is left out,
--    which is why n may differ.
SELECT   outside.questions,
         round(outside.r, 4) AS grade_r,
         outside.n           AS graded,
         round(inside.r, 4)  AS quiz_r,
         inside.n
FROM     k_corrset(graded, 2, criterion => 'grade', min_users => 15, top => 5) AS outside
JOIN     k_corrset(graded, 2) AS inside ON inside.questions = outside.questions
ORDER BY outside.r DESC;

-- +-----------+---------+--------+--------+----+
-- | questions | grade_r | graded | quiz_r | n  |
-- +-----------+---------+--------+--------+----+
-- | [10, 40]  | 0.9569  | 30     | 0.8901 | 34 |
-- | [10, 20]  | 0.9521  | 27     | 0.9563 | 30 |
-- | [30, 40]  | 0.937   | 32     | 0.9134 | 36 |
-- | [20, 30]  | 0.9312  | 29     | 0.9651 | 32 |
-- | [20, 50]  | 0.9178  | 31     | 0.96   | 34 |
-- +-----------+---------+--------+--------+----+

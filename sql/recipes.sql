-- What data need before k_corrset sees them: one recipe each, to be copied and changed.
--
--  1. Sentinels such as -99 that stand for "no answer"
--  2. Items that are keyed in reverse
--  3. Ids in the names of files
--  4. Several raters of one answer
--  5. Omitted answers that count as wrong
--  6. Only users who answered everything
--  7. Sets chosen on one half of the users, tested on the other
--  8. Results in a table, and in a CSV file that is read again
--
-- Run it from the top folder of the repository:
--     k-corrset -f sql/recipes.sql

CREATE VIEW quiz AS
SELECT student AS "user", item AS question, points AS score
FROM   'sql/data/quiz.csv';

SELECT * FROM k_corrset(quiz, 3, top => 1);

-- +--------------+-------------------+----+
-- | questions    | r                 | n  |
-- +--------------+-------------------+----+
-- | [20, 30, 80] | 0.986528095251077 | 32 |
-- +--------------+-------------------+----+

-- 1. Sentinels. A number that stands for "no answer" is a score like any other until it is NULL;
--    left alone, it makes its own correlations. The best set is that of the quiz above.
CREATE VIEW with_sentinels AS
SELECT users."user", questions.question, coalesce(score, -99) AS score
FROM   (SELECT DISTINCT "user" FROM quiz) AS users
       CROSS JOIN (SELECT DISTINCT question FROM quiz) AS questions
       LEFT JOIN quiz ON quiz."user" = users."user" AND quiz.question = questions.question;

SELECT *
FROM   k_corrset((SELECT "user", question, NULLIF(score, -99) AS score FROM with_sentinels), 3, top => 1);

-- +--------------+-------------------+----+
-- | questions    | r                 | n  |
-- +--------------+-------------------+----+
-- | [20, 30, 80] | 0.986528095251077 | 32 |
-- +--------------+-------------------+----+

-- Several of them: -99 was not reached, -98 not legible.
SELECT *
FROM   k_corrset((SELECT "user", question, CASE WHEN score NOT IN (-99, -98) THEN score END AS score
                  FROM   with_sentinels), 3, top => 1);

-- +--------------+-------------------+----+
-- | questions    | r                 | n  |
-- +--------------+-------------------+----+
-- | [20, 30, 80] | 0.986528095251077 | 32 |
-- +--------------+-------------------+----+

-- 2. Items that are keyed in reverse. On a scale from 0 to 10, agreement with items 30 and 70 speaks
--    against what the others speak for: turn them round, lowest + highest - score.
CREATE VIEW partly_reversed AS
SELECT "user", question, CASE WHEN question IN (30, 70) THEN 10 - score ELSE score END AS score
FROM   quiz;

SELECT *
FROM   k_corrset((SELECT "user", question,
                         CASE WHEN question IN (30, 70) THEN 0 + 10 - score ELSE score END AS score
                  FROM   partly_reversed), 3, top => 1);

-- +--------------+-------------------+----+
-- | questions    | r                 | n  |
-- +--------------+-------------------+----+
-- | [20, 30, 80] | 0.986528095251077 | 32 |
-- +--------------+-------------------+----+

-- Which are they? Those whose r with the rest of the test is negative.
SELECT questions, round(r, 4) AS r, n
FROM   k_corrset(partly_reversed, 1, corrected => true)
WHERE  r < 0
ORDER  BY r;

-- +-----------+---------+----+
-- | questions | r       | n  |
-- +-----------+---------+----+
-- | [70]      | -0.7376 | 35 |
-- | [30]      | -0.6349 | 37 |
-- +-----------+---------+----+

-- 3. Ids in the names of files: one file a user, named after them, as in EdNet's KT1 (u1.csv, u2.csv,
--    ...). What was right is in a table of its own.
CREATE VIEW answers AS
SELECT regexp_replace(input_file_name(), '^.*/|\.csv$', '', 'g') AS "user",
       question_id, user_answer
FROM   'sql/data/by_user/';

CREATE VIEW questions AS
SELECT column1 AS question_id, column2 AS correct_answer
FROM   (VALUES ('q1', 'b'), ('q2', 'c'), ('q3', 'd'), ('q4', 'a'), ('q5', 'b'), ('q6', 'c'));

SELECT questions, round(r, 4) AS r, n
FROM   k_corrset((SELECT "user", question_id AS question, user_answer = correct_answer AS score
                  FROM   answers JOIN questions USING (question_id)), 2)
WHERE  n >= 4
ORDER  BY r DESC, questions
LIMIT  3;

-- +-----------+--------+---+
-- | questions | r      | n |
-- +-----------+--------+---+
-- | [q3, q5]  | 0.9583 | 7 |
-- | [q4, q5]  | 0.8958 | 8 |
-- | [q1, q4]  | 0.8783 | 8 |
-- +-----------+--------+---+

-- 4. Several raters. r needs one score for each answer. Where every answer has as many raters, their
--    sum is as good as their mean, and exact. Here some have two and some three: the mean it is.
CREATE VIEW ratings AS
SELECT "user", question, rater.value AS rater, score + ("user" * rater.value + question) % 3 AS rating
FROM   quiz CROSS JOIN generate_series(1, 3) AS rater
WHERE  ("user" + question / 10 + rater.value) % 4 > 0;

SELECT *
FROM   k_corrset((SELECT   "user", question, avg(rating) AS score
                  FROM     ratings
                  GROUP BY "user", question), 3, top => 1);

-- +--------------+--------------------+----+
-- | questions    | r                  | n  |
-- +--------------+--------------------+----+
-- | [10, 20, 50] | 0.9837347776814234 | 30 |
-- +--------------+--------------------+----+

-- Or each rater's view of a question is an item of its own.
SELECT *
FROM   k_corrset((SELECT "user", question || ' by rater ' || rater AS question, rating AS score
                  FROM   ratings), 3, min_users => 15, top => 1);

-- +-----------------------------------------------+--------------------+----+
-- | questions                                     | r                  | n  |
-- +-----------------------------------------------+--------------------+----+
-- | [20 by rater 1, 30 by rater 2, 80 by rater 3] | 0.9907376220193482 | 15 |
-- +-----------------------------------------------+--------------------+----+

-- 5. Omitted answers that count as wrong: every user gets every question, and what they left out is 0.
--    The data are complete then, and every n is the number of users.
SELECT *
FROM   k_corrset((SELECT users."user", questions.question, coalesce(score, 0) AS score
                  FROM   (SELECT DISTINCT "user" FROM quiz) AS users
                         CROSS JOIN (SELECT DISTINCT question FROM quiz) AS questions
                         LEFT JOIN quiz ON quiz."user" = users."user"
                                       AND quiz.question = questions.question), 3, top => 1);

-- +--------------+--------------------+----+
-- | questions    | r                  | n  |
-- +--------------+--------------------+----+
-- | [20, 30, 80] | 0.9883473733344644 | 40 |
-- +--------------+--------------------+----+

-- 6. Only users who answered everything (listwise deletion), so that all sets rest on the same users.
SELECT *
FROM   k_corrset((SELECT *
                  FROM   quiz
                  WHERE  "user" IN (SELECT   "user"
                                    FROM     quiz
                                    GROUP BY "user"
                                    HAVING   count(score) = (SELECT count(DISTINCT question) FROM quiz))),
                 3, top => 1);

-- +--------------+--------------------+----+
-- | questions    | r                  | n  |
-- +--------------+--------------------+----+
-- | [20, 30, 80] | 0.9888783311550146 | 28 |
-- +--------------+--------------------+----+

-- 7. Two halves. The best of many sets looks better than it is; users who had no part in the choice
--    tell how good it is. A hash of the user deals them out, the same way every time.
CREATE VIEW halves AS
SELECT *, CASE WHEN md5(CAST("user" AS VARCHAR)) < '8' THEN 'train' ELSE 'test' END AS half
FROM   quiz;

WITH train AS (
    SELECT * FROM k_corrset((SELECT * FROM halves WHERE half = 'train'), 3, min_users => 8, top => 3)
)
SELECT train.questions,
       round(train.r, 4) AS train_r,
       round(test.r, 4)  AS test_r,
       test.n            AS test_n
FROM   train
JOIN   k_corrset((SELECT * FROM halves WHERE half = 'test'), sets => train) AS test
       ON test.questions = train.questions
ORDER  BY train.r DESC;

-- +--------------+---------+--------+--------+
-- | questions    | train_r | test_r | test_n |
-- +--------------+---------+--------+--------+
-- | [20, 30, 80] | 0.9927  | 0.9809 | 18     |
-- | [20, 50, 60] | 0.9869  | 0.9543 | 17     |
-- | [20, 30, 60] | 0.986   | 0.9598 | 17     |
-- +--------------+---------+--------+--------+

-- 8. Results that stay. A table that is to hold sets without an r as well is made from a call that
--    has them.
CREATE TABLE results AS SELECT 2 AS k, * FROM k_corrset(quiz, 2, undefined => 'null');
INSERT INTO results SELECT 3, * FROM k_corrset(quiz, 3, undefined => 'null');

SELECT k, count(*) AS sets, round(max(r), 4) AS best FROM results GROUP BY k ORDER BY k;

-- +---+------+--------+
-- | k | sets | best   |
-- +---+------+--------+
-- | 2 | 28   | 0.9651 |
-- | 3 | 56   | 0.9865 |
-- +---+------+--------+

-- In a CSV file a set is the text "[20, 30, 80]", and a list again when it is read. (Names with
-- commas, brackets, quotes or blanks at their ends are quoted in it; Parquet keeps lists as they are.)
COPY (SELECT * FROM results WHERE r > 0.95) TO 'target/recipes/best.csv';

SELECT   question, count(*) AS sets
FROM     (SELECT unnest(string_to_array(btrim(questions, '[]'), ', ')) AS question
          FROM   'target/recipes/best.csv')
GROUP BY question
ORDER BY sets DESC, question
LIMIT    3;

-- +----------+------+
-- | question | sets |
-- +----------+------+
-- | 20       | 18   |
-- | 50       | 17   |
-- | 70       | 17   |
-- +----------+------+

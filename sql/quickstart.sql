-- An exam of 40 questions and 60,000 users. Every question was put to a fifth of
-- them, so each user answered about 8. Which 5 questions predict a user's grand
-- total best?
--
-- Run it from the top folder of the repository:
--     k-corrset -f sql/quickstart.sql

-- 1. Make the data, the same on every machine: `lot` and `luck` are hashes of user
--    and question. Able users need less luck. Every other question is guesswork.
CREATE VIEW possible AS
SELECT u.value AS u,
       q.value AS q,
       (u.value * 48271 + q.value * 69621 + u.value * q.value * 16807) % 2147483647 AS seed
FROM   generate_series(1, 60000) u CROSS JOIN generate_series(1, 40) q;

CREATE VIEW drawn AS
SELECT u,
       q,
       (seed * seed % 2147483647) / 1013 % 5   AS lot,
       (seed * seed % 2147483629) / 7919 % 100 AS luck,
       u % 100                                 AS ability
FROM   possible;

COPY (
    SELECT 'user-' || lpad(CAST(u AS VARCHAR), 5, '0') AS "user",
           'q' || lpad(CAST(q AS VARCHAR), 2, '0')     AS question,
           CAST(luck < CASE q % 2 WHEN 0 THEN ability ELSE 50 END AS INT) AS score
    FROM   drawn
    WHERE  lot = 0
) TO 'target/quickstart/scores.parquet' STORED AS PARQUET;

SELECT count(*) AS answers, count(DISTINCT "user") AS users, count(DISTINCT question) AS questions
FROM   'target/quickstart/scores.parquet';

-- 2. The function reads the three columns user, question and score. With k = 1 it
--    is the item-total correlation of every question.
SELECT questions, r, n
FROM   k_corrset('target/quickstart/scores.parquet', 1)
ORDER  BY r DESC
LIMIT  5;

-- 3. The main job: every set of 5 questions (658,008 of them), the best ones first.
--    r is Pearson's correlation of a user's total on the set with their grand total,
--    over the n users who answered all five.
SELECT questions, r, n
FROM   k_corrset('target/quickstart/scores.parquet', 5)
WHERE  n >= 15
ORDER  BY r DESC, questions
LIMIT  10;

-- +---------------------------+--------------------+----+
-- | questions                 | r                  | n  |
-- +---------------------------+--------------------+----+
-- | [q01, q02, q06, q18, q40] | 0.9748560396879657 | 17 |
-- | [q03, q10, q14, q27, q30] | 0.9735870638677336 | 16 |
-- | [q07, q10, q11, q30, q36] | 0.9720440012782768 | 18 |
-- | [q21, q30, q36, q38, q40] | 0.970625084371259  | 15 |
-- | [q09, q14, q20, q26, q36] | 0.9700620447155013 | 15 |
-- | [q11, q25, q32, q33, q38] | 0.9686390713712496 | 16 |
-- | [q02, q18, q24, q27, q38] | 0.9683806871160039 | 16 |
-- | [q03, q10, q24, q36, q37] | 0.9683280583350726 | 19 |
-- | [q06, q10, q25, q29, q35] | 0.9674403074302561 | 17 |
-- | [q10, q18, q19, q26, q31] | 0.9671643572783168 | 17 |
-- +---------------------------+--------------------+----+

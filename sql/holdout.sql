-- How much of a record is luck? Sets are chosen on one half of the people and scored on the other, of which the choice
-- knows nothing: sets => (SELECT questions ...) looks at those sets alone.
--
-- The data are made here, so that the truth is known: 200 people answer 24 items, and 20,000 more of the same kind
-- tell what r a set really has. Of each item a tenth to a half is what people have in common, the rest is luck.
CREATE TABLE drawn AS
WITH answers AS (
    SELECT p.value AS person, i.value AS item,
           p.value * 7919 + 104729                       AS of_person,
           p.value * 48271 + i.value * 69621 * (p.value % 97 + 3) AS of_answer
    FROM   generate_series(1, 20200) AS p CROSS JOIN generate_series(1, 24) AS i
),
-- Squares of squares, each by a prime: as good as chance, and the same on every machine.
squares AS (
    SELECT *, of_person * of_person % 2147483629 AS ability, of_answer * of_answer % 2147483647 AS luck FROM answers
)
SELECT person AS "user", 'i' || lpad(CAST(item AS VARCHAR), 2, '0') AS question,
       CAST(ability * ability % 2147483587 % 1000 * (1 + item % 5) + luck * luck % 2147483563 % 1000 * (9 - item % 5) > 5000 AS INT) AS score,
       luck * luck % 2147483579 / 1021 % 2 AS coin
FROM   squares;

CREATE VIEW exam       AS SELECT * FROM drawn WHERE "user" <= 200;
CREATE VIEW first_half AS SELECT * FROM exam  WHERE "user" % 2 = 0;
CREATE VIEW other_half AS SELECT * FROM exam  WHERE "user" % 2 = 1;
CREATE VIEW all_people AS SELECT * FROM drawn WHERE "user" > 200;

-- 1. The ten best of 10,626 sets of four, on the half that they were chosen on; on the other; and in truth. r is with
--    the rest of the items, as a set's own scores predict themselves.
CREATE TABLE best AS SELECT * FROM k_corrset(first_half, 4, corrected => true, top => 10);

SELECT   best.questions,
         round(best.r, 3)    AS chosen,
         round(held.r, 3)    AS held_out,
         round(truth.r, 3)   AS truth
FROM     best
JOIN     k_corrset(other_half, sets => best, corrected => true) AS held  ON held.questions = best.questions
JOIN     k_corrset(all_people, sets => best, corrected => true) AS truth ON truth.questions = best.questions
ORDER BY best.r DESC;

-- +----------------------+--------+----------+-------+
-- | questions            | chosen | held_out | truth |
-- +----------------------+--------+----------+-------+
-- | [i02, i04, i16, i18] | 0.649  | 0.466    | 0.471 |
-- | [i02, i04, i14, i16] | 0.612  | 0.508    | 0.516 |
-- | [i02, i04, i14, i18] | 0.603  | 0.556    | 0.555 |
-- | [i02, i04, i12, i14] | 0.599  | 0.611    | 0.53  |
-- | [i02, i04, i07, i17] | 0.592  | 0.487    | 0.47  |
-- | [i02, i14, i16, i18] | 0.592  | 0.458    | 0.474 |
-- | [i02, i04, i07, i16] | 0.592  | 0.4      | 0.446 |
-- | [i02, i16, i18, i19] | 0.592  | 0.474    | 0.473 |
-- | [i07, i13, i18, i22] | 0.591  | 0.471    | 0.451 |
-- | [i18, i22, i23, i24] | 0.588  | 0.506    | 0.518 |
-- +----------------------+--------+----------+-------+

-- 2. Five folds: each fifth of the people scores the set that the other four fifths choose.
CREATE VIEW folds AS SELECT *, "user" % 5 AS fold FROM exam;

CREATE TABLE winners AS
          SELECT 0 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold <> 0), 4, corrected => true, top => 1)
UNION ALL SELECT 1 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold <> 1), 4, corrected => true, top => 1)
UNION ALL SELECT 2 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold <> 2), 4, corrected => true, top => 1)
UNION ALL SELECT 3 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold <> 3), 4, corrected => true, top => 1)
UNION ALL SELECT 4 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold <> 4), 4, corrected => true, top => 1);

WITH scored AS (
              SELECT 0 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold = 0), sets => (SELECT questions FROM winners WHERE fold = 0), corrected => true)
    UNION ALL SELECT 1 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold = 1), sets => (SELECT questions FROM winners WHERE fold = 1), corrected => true)
    UNION ALL SELECT 2 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold = 2), sets => (SELECT questions FROM winners WHERE fold = 2), corrected => true)
    UNION ALL SELECT 3 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold = 3), sets => (SELECT questions FROM winners WHERE fold = 3), corrected => true)
    UNION ALL SELECT 4 AS fold, * FROM k_corrset((SELECT * FROM folds WHERE fold = 4), sets => (SELECT questions FROM winners WHERE fold = 4), corrected => true)
)
SELECT   round(avg(winners.r), 3) AS chosen, round(avg(scored.r), 3) AS held_out
FROM     winners JOIN scored ON scored.fold = winners.fold;

-- +--------+----------+
-- | chosen | held_out |
-- +--------+----------+
-- | 0.642  | 0.534    |
-- +--------+----------+

-- 3. Where there is nothing but luck, all of the record is: the same with coins for answers.
WITH best AS (
    SELECT * FROM k_corrset(first_half, 4, score => 'coin', corrected => true, top => 10)
)
SELECT   round(avg(best.r), 3) AS chosen, round(avg(held.r), 3) AS held_out, round(avg(truth.r), 3) AS truth
FROM     best
JOIN     k_corrset(other_half, sets => best, score => 'coin', corrected => true) AS held
         ON held.questions = best.questions
JOIN     k_corrset(all_people, sets => best, score => 'coin', corrected => true) AS truth
         ON truth.questions = best.questions;

-- +--------+----------+--------+
-- | chosen | held_out | truth  |
-- +--------+----------+--------+
-- | 0.315  | 0.043    | -0.004 |
-- +--------+----------+--------+

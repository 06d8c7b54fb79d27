-- An inventory of 100 items, 20 on each of five scales, and 2,000 people who answered all of them. Which
-- 20 items make the short form whose total says most about the total of all 100?
--
-- There are 5.4e20 sets of 20. Where nobody left anything out, the function does not sweep them: it
-- searches, and what it returns is proven to be the best.
--
-- Run it from the top folder of the repository:
--     k-corrset -f sql/short_form.sql

-- 1. Make the data, the same on every machine: a person has something in general, and something on each
--    scale; items differ in how hard they are, and those of the first scales tell more.
CREATE TABLE inventory AS
WITH drawn AS (
    SELECT p.value                AS person,
           i.value                AS item,
           (i.value - 1) / 20 + 1 AS scale,
           (p.value * 48271 + i.value * 69621 + p.value * i.value * 16807) % 2147483647 AS luck,
           p.value * 7919 * 104729 % 2147483629                                         AS general,
           p.value * ((i.value - 1) / 20 + 3) * 611953 % 2147483587                     AS special
    FROM   generate_series(1, 2000) AS p CROSS JOIN generate_series(1, 100) AS i
)
SELECT person AS "user",
       chr(96 + scale) || lpad(CAST((item - 1) % 20 + 1 AS VARCHAR), 2, '0') AS question,
       CAST(general / 1009 % 100 + special / 1013 % 60 + luck * luck % 2147483629 / 1019 % (50 * scale)
            > 50 + 20 * scale + item * 37 % 80 AS INT) AS score
FROM   drawn;

-- 2. How well do short forms of some lengths do? The best item, the best 5, the best 10.
SELECT 1 AS items, r, questions FROM k_corrset(inventory, 1, top => 1)
UNION ALL
SELECT 5 AS items, r, questions FROM k_corrset(inventory, 5, top => 1)
UNION ALL
SELECT 10 AS items, r, questions FROM k_corrset(inventory, 10, top => 1)
ORDER BY items;

-- +-------+--------------------+----------------------------------------------------+
-- | items | r                  | questions                                          |
-- +-------+--------------------+----------------------------------------------------+
-- | 1     | 0.7485082249849989 | [a03]                                              |
-- | 5     | 0.8930474991537426 | [a01, a03, a07, a08, b07]                          |
-- | 10    | 0.9320801992580826 | [a01, a08, a09, a12, a18, b02, b03, b07, c07, c18] |
-- +-------+--------------------+----------------------------------------------------+

-- 3. The best 20 that keep the balance of the scales, four items of each.
SELECT r, questions
FROM   k_corrset(inventory, 20)
WHERE  array_length(array_intersect(questions, ['a01', 'a02', 'a03', 'a04', 'a05', 'a06', 'a07', 'a08', 'a09', 'a10',
                                                       'a11', 'a12', 'a13', 'a14', 'a15', 'a16', 'a17', 'a18', 'a19', 'a20'])) = 4
  AND  array_length(array_intersect(questions, ['b01', 'b02', 'b03', 'b04', 'b05', 'b06', 'b07', 'b08', 'b09', 'b10',
                                                       'b11', 'b12', 'b13', 'b14', 'b15', 'b16', 'b17', 'b18', 'b19', 'b20'])) = 4
  AND  array_length(array_intersect(questions, ['c01', 'c02', 'c03', 'c04', 'c05', 'c06', 'c07', 'c08', 'c09', 'c10',
                                                       'c11', 'c12', 'c13', 'c14', 'c15', 'c16', 'c17', 'c18', 'c19', 'c20'])) = 4
  AND  array_length(array_intersect(questions, ['d01', 'd02', 'd03', 'd04', 'd05', 'd06', 'd07', 'd08', 'd09', 'd10',
                                                       'd11', 'd12', 'd13', 'd14', 'd15', 'd16', 'd17', 'd18', 'd19', 'd20'])) = 4
  AND  array_length(array_intersect(questions, ['e01', 'e02', 'e03', 'e04', 'e05', 'e06', 'e07', 'e08', 'e09', 'e10',
                                                       'e11', 'e12', 'e13', 'e14', 'e15', 'e16', 'e17', 'e18', 'e19', 'e20'])) = 4
ORDER  BY r DESC
LIMIT  1;

-- +--------------------+------------------------------------------------------------------------------------------------------+
-- | r                  | questions                                                                                            |
-- +--------------------+------------------------------------------------------------------------------------------------------+
-- | 0.9503949114260449 | [a01, a03, a07, a10, b07, b11, b18, b20, c02, c03, c04, c11, d10, d12, d19, d20, e04, e06, e07, e11] |
-- +--------------------+------------------------------------------------------------------------------------------------------+

-- 4. What does balance cost? The best 20 of all.
SELECT r, questions
FROM   k_corrset(inventory, 20, top => 1);

-- +--------------------+------------------------------------------------------------------------------------------------------+
-- | r                  | questions                                                                                            |
-- +--------------------+------------------------------------------------------------------------------------------------------+
-- | 0.9614660877475525 | [a01, a05, a06, a08, a09, a10, a11, a12, b02, b03, b07, b13, b15, b16, c04, c14, c18, c19, c20, d14] |
-- +--------------------+------------------------------------------------------------------------------------------------------+

-- Sets as people read them: the questions of the best sets, with what a catalogue says
-- about each. `unnest` makes a row of every question, and the join does the rest.
CREATE VIEW catalogue AS
SELECT * FROM (VALUES
    (10, 'fractions',   3), (20, 'percentages', 4), (30, 'ratios',      5), (40, 'equations',   8),
    (50, 'graphs',      6), (60, 'functions',   9), (70, 'sequences',   7), (80, 'probability', 6)
) AS t(item, topic, minutes);

WITH best AS (
    SELECT row_number() OVER (ORDER BY r DESC, n DESC, questions) AS place, *
    FROM   k_corrset('sql/data/quiz.csv', 3,
               user => 'student', question => 'item', score => 'points', min_users => 20, top => 5)
),
members AS (
    SELECT place, r, n, unnest(questions) AS item FROM best
)
SELECT   place,
         string_agg(topic, ', ' ORDER BY item) AS topics,
         sum(minutes)                          AS minutes,
         round(r, 4)                           AS r,
         n
FROM     members JOIN catalogue USING (item)
GROUP BY place, r, n
ORDER BY place;

-- +-------+----------------------------------+---------+--------+----+
-- | place | topics                           | minutes | r      | n  |
-- +-------+----------------------------------+---------+--------+----+
-- | 1     | percentages, ratios, probability | 15      | 0.9865 | 32 |
-- | 2     | fractions, functions, sequences  | 19      | 0.9812 | 28 |
-- | 3     | fractions, percentages, graphs   | 13      | 0.9783 | 30 |
-- | 4     | fractions, graphs, functions     | 18      | 0.9771 | 28 |
-- | 5     | fractions, equations, sequences  | 18      | 0.9771 | 30 |
-- +-------+----------------------------------+---------+--------+----+

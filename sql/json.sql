-- An array of objects, as pandas writes it with df.to_json(orient='records'); a file of one object
-- a line is read the same way.

-- The best set of three questions, and how many students it rests on.
SELECT questions, r, n
FROM   k_corrset('sql/data/answers.json', 3)
ORDER  BY r DESC, questions
LIMIT  5;

-- The same without the overlap: each set against the rest of the exam.
SELECT questions, r, n
FROM   k_corrset('sql/data/answers.json', 3, corrected => true, top => 5);

-- +--------------+--------------------+----+
-- | questions    | r                  | n  |
-- +--------------+--------------------+----+
-- | [q6, q7, q8] | 0.8402020894343593 | 19 |
-- | [q2, q3, q4] | 0.806186456620056  | 24 |
-- | [q3, q4, q5] | 0.8043996665398437 | 18 |
-- | [q3, q5, q6] | 0.7406681724583486 | 12 |
-- | [q3, q6, q7] | 0.7385061679748309 | 22 |
-- +--------------+--------------------+----+

-- In another session of DataFusion, whose paths are read with its own settings, an array is declared:
--
--   SET datafusion.optimizer.repartition_file_scans = false;
--   CREATE EXTERNAL TABLE answers STORED AS JSON
--   OPTIONS ('format.newline_delimited' 'false') LOCATION 'sql/data/answers.json';

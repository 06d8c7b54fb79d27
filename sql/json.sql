-- An array of objects, as pandas writes it with df.to_json(orient='records').

-- DataFusion cannot read ranges of such a file in parallel; it says so unless told
-- not to try. (A file of one object a line needs neither this nor the option below.)
SET datafusion.optimizer.repartition_file_scans = false;

CREATE EXTERNAL TABLE answers
STORED AS JSON
OPTIONS ('format.newline_delimited' 'false')
LOCATION 'sql/data/answers.json';

-- The best set of three questions, and how many students it rests on.
SELECT questions, r, n
FROM   k_corrset(answers, 3)
ORDER  BY r DESC, questions
LIMIT  5;

-- The same without the overlap: each set against the rest of the exam.
SELECT questions, r, n
FROM   k_corrset(answers, 3, {'corrected': true, 'top': 5});

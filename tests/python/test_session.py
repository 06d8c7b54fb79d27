"""SQL in a session, and in one of the package `datafusion`."""

import datetime
import os
from pathlib import Path
from typing import Any

import datafusion
import duckdb
import k_corrset
import numpy
import polars
import pyarrow
import pyarrow.parquet
import pytest
from conftest import assert_same, definition, exam


@pytest.fixture
def session(rows: Any) -> Any:
    session = k_corrset.connect()
    session.register("scores", rows)
    return session


def test_sql_in_full(session: Any, rows: Any) -> None:
    assert_same(session.sql("SELECT * FROM k_corrset(scores, 3)"), definition(rows, 3))
    expected = {key: value for key, value in definition(rows, 3).items() if value[1] >= 20 and "q1" in key}
    named = (
        "SELECT * FROM k_corrset((SELECT * FROM scores), 3, min_users => 20) WHERE array_has(questions, 'q1')"
    )
    assert_same(session.sql(named), expected)
    common = """
        WITH s AS (SELECT * FROM scores)
        SELECT * FROM k_corrset(s, 3) WHERE n >= 20 AND array_has(questions, 'q1')
    """
    assert_same(session.sql(common), expected)


def test_what_the_query_says_reaches_the_sweep(session: Any) -> None:
    query = "SELECT * FROM k_corrset(scores, 4) WHERE n >= 12 ORDER BY r DESC LIMIT 3"
    plan = "\n".join(session.sql(f"EXPLAIN ANALYZE {query}").to_pandas()["plan"])
    assert "predicate=n@2 >= 12 AND DynamicFilter" in plan
    assert len(session.sql(query)) == 3


def test_statements_and_settings(session: Any) -> None:
    session.sql("CREATE VIEW few AS SELECT * FROM scores WHERE question < 'q4'")
    session.sql("SET k_corrset.kernel = 'portable'")
    assert session.sql("SHOW k_corrset.kernel").to_arrow().to_pylist()[0]["value"] == "portable"
    session.sql("PREPARE pairs(INT) AS SELECT count(*) AS sets FROM k_corrset(few, $1)")
    assert session.sql("EXECUTE pairs(2)").to_arrow().to_pylist() == [{"sets": 6}]
    assert session.sql("SELECT 1 AS one WHERE false").to_arrow().num_rows == 0


def test_tables_of_every_kind(session: Any, rows: Any, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    table = pyarrow.Table.from_pandas(rows, preserve_index=False)
    pyarrow.parquet.write_table(table, path)
    best = "SELECT * FROM k_corrset({}, 3) ORDER BY r DESC, n DESC, questions LIMIT 30"
    expected = session.sql(best.format("scores")).to_arrow()
    for name, data in {
        "polars_table": polars.from_pandas(rows),
        "reader": table.to_reader(10),
        "duckdb_relation": duckdb.from_df(rows),
        "a_file": path,
        "Name In Quotes": str(path),
    }.items():
        session.register(name, data)
        for _ in range(2):
            assert session.sql(best.format(f'"{name}"')).to_arrow().to_pylist() == expected.to_pylist(), name
    assert session.sql(best.format(f"'{path}'")).to_arrow().to_pylist() == expected.to_pylist()
    with pytest.warns(UserWarning, match="no rows"):
        session.register("scores", table.slice(0, 0))
        assert len(session.sql(best.format("scores"))) == 0, "a table can be replaced"
    with pytest.raises(FileNotFoundError):
        session.register("nothing", tmp_path / "nothing.csv")
    with pytest.raises(TypeError, match="a table that speaks Arrow"):
        session.register("nothing", {1, 2})


def test_what_is_wrong_is_said(session: Any) -> None:
    with pytest.raises(ValueError, match="table 'datafusion.public.scoers' not found; did you mean 'scores'"):
        session.sql("SELECT * FROM k_corrset(scoers, 3)")
    with pytest.raises(ValueError, match="k must be 1 or more; got 0"):
        session.sql("SELECT * FROM k_corrset(scores, 0)")
    with pytest.raises(ValueError, match="SQL error: ParserError"):
        session.sql("SELEC 1")


def test_memory_has_a_limit() -> None:
    small = k_corrset.connect(memory_limit=100_000)
    small.register("scores", exam(users=5_000, questions=60, seed=4))
    with pytest.raises(MemoryError, match="KCorrsetExec"):
        small.sql("SELECT * FROM k_corrset(scores, 3) ORDER BY r DESC LIMIT 1")
    with pytest.raises(MemoryError, match="result"):
        k_corrset.connect(memory_limit="1m").sql("SELECT value, value + 1 FROM generate_series(1, 1000000)")
    assert (
        len(k_corrset.connect(memory_limit="64 MiB").sql("SELECT value FROM generate_series(1, 100000)"))
        == 100_000
    )


def test_parameters_have_places_or_names(session: Any, rows: Any) -> None:
    expected = definition(rows, 3, min_users=20)
    by_place = session.sql("SELECT * FROM k_corrset(scores, $1) WHERE n >= $2", [3, numpy.int64(20)])
    assert_same(by_place, expected)
    by_name = "SELECT * FROM k_corrset(scores, $k, min_users => $least)"
    assert_same(session.sql(by_name, {"k": 3, "least": 20}), expected)
    assert session.sql("SELECT $1 AS it", ["it's"])[0].it == "it's"
    assert session.sql("SELECT $day AS it", {"day": datetime.date(2026, 1, 2)})[0].it is not None
    with pytest.raises(TypeError, match="parameters must be a list of values for \\$1"):
        session.sql("SELECT $1", "text")
    with pytest.raises(ValueError, match=r"(?i)\$2"):
        session.sql("SELECT $1, $2", [1])


def test_several_statements_are_run_in_order(session: Any) -> None:
    best = session.sql(
        """
        CREATE TABLE few AS SELECT * FROM scores WHERE question < 'q4';
        CREATE VIEW fewer AS SELECT * FROM few WHERE question < 'q3';
        INSERT INTO few SELECT 'new', 'q0', 1;
        SELECT count(*) AS sets FROM k_corrset(fewer, 2);
        """
    )
    assert best[0].sets == 3
    assert session.sql("SELECT count(*) AS n FROM few WHERE \"user\" = 'new'")[0].n == 1
    with pytest.raises(ValueError, match="ParserError"):
        session.sql("CREATE TABLE never AS SELECT 1; SELEC 2")
    assert "never" not in session.tables(), "of statements with a mistake none is run"
    with pytest.raises(ValueError, match="there is no statement"):
        session.sql(" ; ")


def test_tables_are_listed_and_forgotten(session: Any) -> None:
    session.register("Another One", exam())
    session.sql("CREATE TABLE made AS SELECT 1 AS one")
    assert session.tables() == ["Another One", "made", "scores"]
    assert repr(session) == "<k_corrset.Session with the tables ['Another One', 'made', 'scores']>"
    session.deregister("Another One")
    assert session.tables() == ["made", "scores"]
    with pytest.raises(KeyError, match="there is no table 'scoers'; the tables are 'made', 'scores'"):
        session.deregister("scoers")
    with pytest.raises(ValueError, match="scoers.*not found"):
        session.sql("SELECT * FROM scoers")
    with pytest.raises(ValueError, match="(?i)did you mean.*question"):
        session.sql("SELECT questoin FROM scores")


def test_a_query_is_explained(session: Any) -> None:
    query = "SELECT * FROM k_corrset(scores, $1, min_users => 12) ORDER BY r DESC LIMIT 3"
    plan = session.explain(query, [4])
    assert "KCorrsetExec: k=4" in plan and "min_users=12" in plan.replace(" => ", "=")
    assert "elapsed_compute" not in plan
    assert "elapsed_compute" in session.explain(query, [4], analyze=True)
    with pytest.raises(ValueError, match="explain takes one query"):
        session.explain("SELECT 1; SELECT 2")


def test_a_session_can_be_closed(rows: Any) -> None:
    with k_corrset.connect() as session:
        session.register("scores", rows)
        assert len(session.sql("SELECT * FROM k_corrset(scores, 1)")) == 9
    assert repr(session) == "<k_corrset.Session, closed>"
    for call in (lambda: session.sql("SELECT 1"), session.tables, lambda: session.register("x", rows)):
        with pytest.raises(ValueError, match="the session is closed; connect"):
            call()
    session.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="it counts what Linux lists")
def test_sessions_share_threads_and_files() -> None:
    def held() -> Any:
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    first = k_corrset.connect()
    first.sql("SELECT 1")
    files, threads = held()
    sessions = [k_corrset.connect() for _ in range(200)]
    for session in sessions:
        assert session.sql("SELECT 1 AS one")[0].one == 1
    now_files, now_threads = held()
    assert now_files <= files + 10 and now_threads <= threads + 10


def test_ctrl_c_ends_the_query_and_not_the_session(session: Any, press_ctrl_c: Any) -> None:
    session.register("wide", exam(users=3_000, questions=150, answered=0.5, seed=3))
    press_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        session.sql("SELECT avg(r) FROM k_corrset(wide, 11)")
    assert session.sql("SELECT count(*) AS sets FROM k_corrset(scores, 1)").to_arrow().to_pylist() == [
        {"sets": 9}
    ]


def test_progress_is_told(session: Any) -> None:
    session.register("wide", exam(users=3_000, questions=60, answered=0.5, seed=3))
    session.sql("SET k_corrset.threads = 1")
    reports = []
    session.sql("SELECT max(r) FROM k_corrset(wide, 5)", progress=lambda *report: reports.append(report))
    assert reports[-1][1] == 5_461_512 and 0 < reports[-1][0] <= 5_461_512


# The package `datafusion` is another library, with a session, tables and threads of its own.


@pytest.fixture
def host(rows: Any) -> Any:
    ctx = datafusion.SessionContext()
    ctx.register_udtf(k_corrset.udtf())
    ctx.register_table("scores", ctx.from_pandas(rows))
    return ctx


class Rows:
    """The rows of a host's query, in the form of a result of ours."""

    def __init__(self, ctx: Any, query: Any) -> None:
        self.table = pyarrow.table(ctx.sql(query))

    def to_arrow(self) -> Any:
        return self.table


def test_a_host_has_the_function(host: Any, rows: Any) -> None:
    assert_same(Rows(host, "SELECT * FROM k_corrset('scores', 3)"), definition(rows, 3))
    assert_same(Rows(host, "SELECT * FROM k_corrset(scores, 3)"), definition(rows, 3))
    wide = {key: value for key, value in definition(rows, 3).items() if value[1] >= 20}
    assert_same(Rows(host, "SELECT * FROM k_corrset(scores, 3, {'min_users': 20})"), wide)
    filtered = "SELECT * FROM k_corrset(scores, 3) WHERE n >= 20"
    assert_same(Rows(host, filtered), wide)
    logical, physical = (row["plan"] for row in host.sql(f"EXPLAIN {filtered}").to_pylist())
    assert "full_filters=[k_corrset().n >= Int64(20)]" in logical, (
        "the sweep knows what the host's query says"
    )
    assert "KCorrsetExec: k=3" in physical and "n@2 >= 20" in physical, "and shows it"
    options = host.sql("EXPLAIN SELECT r FROM k_corrset(scores, 3, {'top': 7, 'corrected': true})")
    assert "top=7, corrected=true" in options.to_pylist()[1]["plan"].replace(" => ", "=")


def test_options_come_in_every_form_that_a_host_passes(host: Any, session: Any) -> None:
    expected = session.sql("SELECT * FROM k_corrset(scores, 3, top => 7)").to_arrow().to_pylist()
    for call in (
        "k_corrset(scores, 3, {'top': 7})",
        "k_corrset(scores, 3, {'TOP': 7})",
        "k_corrset(SCORES, 3, named_struct('top', 7))",
        "k_corrset('scores', 1 + 2, named_struct('top', 14 / 2))",
        'k_corrset("scores", 3, struct(7 AS top))',
    ):
        assert Rows(host, f"SELECT * FROM {call}").to_arrow().to_pylist() == expected, call
    with_k = host.sql("SELECT * FROM k_corrset(scores, $k, {'top': $top})", k=3, top=7)
    assert pyarrow.table(with_k).to_pylist() == expected


def test_what_a_host_cannot_pass_is_written_as_the_readme_says(
    host: Any, session: Any, rows: Any, tmp_path: Path
) -> None:
    expected = session.sql("SELECT * FROM k_corrset(scores, 3, top => 10)").to_arrow().to_pylist()
    host.sql("CREATE VIEW answers AS SELECT * FROM scores").collect()
    rows.to_parquet(tmp_path / "scores.parquet")
    host.register_parquet("stored", str(tmp_path / "scores.parquet"))
    host.register_udtf(k_corrset.udtf("K_CORRSET"))
    refused = {
        "k_corrset(scores, 3, top => 10)": "k_corrset(scores, 3, {'top': 10})",
        "k_corrset((SELECT * FROM scores), 3)": "k_corrset(answers, 3, {'top': 10})",
        f"k_corrset('{tmp_path}/scores.parquet', 3)": "k_corrset(stored, 3, {'top': 10})",
        "K_Corrset(scores, 3)": "K_CORRSET(scores, 3, {'top': 10})",
    }
    for call, instead in refused.items():
        with pytest.raises(Exception, match=".+"):
            host.sql(f"SELECT * FROM {call}").collect()
        assert Rows(host, f"SELECT * FROM {instead}").to_arrow().to_pylist() == expected, instead


def test_a_host_gets_the_best_as_a_session_does(host: Any, session: Any) -> None:
    options = "{'top': 25, 'min_users': 10, 'include': ['q2'], 'corrected': true}"
    named = "top => 25, min_users => 10, include => ['q2'], corrected => true"
    ours = session.sql(f"SELECT questions, r, n FROM k_corrset(scores, 4, {named})").to_arrow()
    theirs = Rows(host, f"SELECT questions, r, n FROM k_corrset('scores', 4, {options})").to_arrow()
    assert theirs.to_pylist() == ours.to_pylist()
    ordered = "SELECT r, n FROM k_corrset(scores, 3) ORDER BY r DESC, n DESC LIMIT 7"
    assert Rows(host, ordered).to_arrow().to_pylist() == session.sql(ordered).to_arrow().to_pylist()


def test_a_host_can_have_files_and_many_partitions(rows: Any, tmp_path: Path, session: Any) -> None:
    ctx = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(4))
    ctx.register_udtf(k_corrset.udtf("best_sets"))
    for part in range(4):
        table = pyarrow.Table.from_pandas(rows.iloc[part::4], preserve_index=False)
        pyarrow.parquet.write_table(table, tmp_path / f"{part}.parquet")
    ctx.register_parquet("scores", str(tmp_path))
    ctx.sql("CREATE VIEW seen AS SELECT * FROM scores WHERE score >= 0")
    for name in ("scores", "seen"):
        best = Rows(ctx, f"SELECT * FROM best_sets({name}, 3, {{'top': 40}})").to_arrow().to_pylist()
        assert best == session.sql("SELECT * FROM k_corrset(scores, 3, top => 40)").to_arrow().to_pylist()


def test_a_host_is_told_what_is_wrong(host: Any) -> None:
    with pytest.raises(Exception, match='no table "scoers". Register it, as in ctx.register_parquet'):
        host.sql("SELECT * FROM k_corrset(scoers, 3)").collect()
    with pytest.raises(Exception, match=r"literals here, .*Give it by name, as in ctx.sql\(query, k=3\)"):
        host.sql("SELECT * FROM k_corrset(scores, $k)", param_values={"k": 3}).collect()
    with pytest.raises(Exception, match="k_corrset: k must be 1 or more; got 0"):
        host.sql("SELECT * FROM k_corrset(scores, 0)").collect()
    with pytest.raises(Exception, match="k_corrset takes a table, k, and then options, .*got 1 argument"):
        host.sql("SELECT * FROM k_corrset(scores)").collect()
    with pytest.raises(Exception, match="options are a struct"):
        host.sql("SELECT * FROM k_corrset(scores, 1, 'top')").collect()
    with pytest.raises(Exception, match="unknown option 'typo'; the options are"):
        host.sql("SELECT * FROM k_corrset(scores, 3, {'typo': 3})").collect()
    host.from_pydict({"user": [1, 1], "question": [2, 2], "score": [3, 4]}, "twice")
    with pytest.raises(Exception, match="user '1' has more than one score on question '2'"):
        host.sql("SELECT * FROM k_corrset(twice, 1)").collect()


def test_a_host_can_give_up(host: Any, press_ctrl_c: Any) -> None:
    host.register_table("wide", host.from_pandas(exam(users=3_000, questions=150, answered=0.5, seed=3)))
    press_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        host.sql("SELECT * FROM k_corrset(wide, 11, {'top': 1})").collect()
    assert host.sql("SELECT * FROM k_corrset(scores, 1)").count() == 9

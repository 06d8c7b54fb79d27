"""The table function in a session of the package `datafusion`."""

from __future__ import annotations

from _thread import interrupt_main
from threading import Timer
from typing import TYPE_CHECKING, Any

from k_corrset import _native

if TYPE_CHECKING:
    import datafusion


def udtf(name: str = "k_corrset") -> datafusion.TableFunction:
    """The table function for a session of the package `datafusion` (55).

        >>> ctx = datafusion.SessionContext()
        >>> ctx.register_udtf(k_corrset.udtf())
        >>> ctx.sql("SELECT * FROM k_corrset(scores, 5, {'top': 10, 'min_users': 15})")

    The table is named by an identifier or a string, and options are a struct in third place. The
    host's filters, columns and LIMIT reach into the sweep, its sorts do not: `top` says what
    ORDER BY with LIMIT would, which without it looks at the rows of all sets.

    Args:
        name: Under which name to register it.
    """
    import datafusion

    def sets(*arguments: datafusion.Expr, session: datafusion.SessionContext) -> _native.HostSets:
        try:
            return planned(*arguments, session=session)
        except KeyboardInterrupt:
            # While it plans, the host makes an error of it, and while it waits for rows it does not.
            Timer(0.05, interrupt_main).start()
            return planned(*arguments, session=session)

    def planned(*arguments: datafusion.Expr, session: datafusion.SessionContext) -> _native.HostSets:
        if len(arguments) not in (2, 3):
            message = (
                f"{name} takes a table, k, and then options, "
                f"as in {name}(scores, 5, {{'min_users': 30}}); got {len(arguments)} argument(s)"
            )
            raise ValueError(message)
        table, *others = arguments
        k, *options = [_value(other, name) for other in others]
        if isinstance(k, dict) and not options:
            # With sets among the options there is no k.
            k, options = None, [k]
        values = options[0] if options else {}
        if not isinstance(values, dict):
            got = str(others[-1])[:200]
            message = f"{name}: options are a struct, as in {{'min_users': 30, 'top': 100}}; got {got}"
            raise ValueError(message)
        from concurrent.futures import ThreadPoolExecutor

        # The host is planning, on a thread that cannot wait for what its catalogs say.
        with ThreadPoolExecutor(max_workers=1) as elsewhere:
            known = _table_name(table)
            try:
                rows = elsewhere.submit(session.table, known).result()
            except KeyError:
                message = (
                    f"{name}: the session has no table {known}. Register it, as in "
                    'ctx.register_parquet("scores", "scores.parquet"), or name a query, as in '
                    "CREATE VIEW scores AS SELECT …"
                )
                raise ValueError(message) from None
        return _native.HostSets(rows, rows.schema(), k, list(values.items()))

    return datafusion.udtf(sets, name, with_session=True)


def _value(argument: datafusion.Expr, name: str) -> Any:
    """The value of a literal."""
    try:
        return argument.python_value().as_py()
    except TypeError:
        message = (
            f"{name}: k and options are literals here, as the session plans the function before it knows "
            f"values of parameters; got {str(argument)[:200]}. Give it by name, as in ctx.sql(query, k=3)"
        )
        raise ValueError(message) from None


def _table_name(argument: datafusion.Expr) -> str:
    """A table's name as SQL writes it, given by an identifier or a string."""
    if argument.variant_name() != "Column":
        return str(argument.python_value().as_py())
    column = argument.to_variant()
    path = [*(column.relation() or "").split("."), column.name()]
    return ".".join('"' + part.replace('"', '""') + '"' for part in path if part)

"""Arguments as the compiled half takes them: what Python has several types for becomes one."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any

MOST_THREADS = 1024
"""More threads than any machine has use for; each costs memory before it works."""

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def sizes(k: Any) -> int | list[int] | None:
    """How many questions a set has; or several of these.

    Raises:
        TypeError: It is neither an integer nor something to iterate over for some. 2.0 is no integer, as
            in `range`.
        ValueError: There is none.
    """
    if k is None:
        return None
    if (one := _integer(k)) is not None:
        return one
    wanted = (
        "k_corrset: k must be an integer of 1 or more, as in k_corrset(scores, 5), or several of these, "
        f"as in [5, 10] or range(1, 31); got {shown(k)}"
    )
    if isinstance(k, (str, bytes, Mapping)) or not hasattr(k, "__iter__"):
        raise TypeError(wanted)
    several = [_integer(one) for one in k]
    if not several:
        raise ValueError(wanted)
    if None in several:
        raise TypeError(wanted)
    return [one for one in several if one is not None]


def name(argument: str, value: Any) -> Any:
    """The name of a column. Those of pandas may be integers, and Arrow has their text.

    Raises:
        TypeError: It is no name.
    """
    if value is None or isinstance(value, str):
        return value
    if (number := _integer(value)) is not None:
        return str(number)
    text = getattr(value, "as_py", None)
    if text is not None and isinstance(text := text(), str):
        return text
    raise TypeError(f"k_corrset: '{argument}' must be the name of a column; got {shown(value)}")


def names(argument: str, value: Any) -> Any:
    """The names of some columns, or of one."""
    if value is None or isinstance(value, str) or _integer(value) is not None:
        return name(argument, value)
    if isinstance(value, Iterable):
        return [name(argument, one) for one in value]
    return name(argument, value)


def threads(value: Any) -> int | None:
    """How many threads may work.

    Raises:
        TypeError: It is no integer.
        ValueError: There cannot be so many.
    """
    if value is None:
        return None
    number = _integer(value)
    if number is None:
        raise TypeError(f"k_corrset: 'threads' must be an integer; got {shown(value)}")
    if not 1 <= number <= MOST_THREADS:
        raise ValueError(
            f"k_corrset: 'threads' must be from 1 to {MOST_THREADS:,}; got {number}; leave it out for as "
            "many as there are cores"
        )
    return number


def size_in_bytes(value: Any) -> int | None:
    """A number of bytes, or a text such as "2g"; units are powers of 1024.

    Raises:
        TypeError: It is neither an integer nor a text.
        ValueError: It is negative, more than can be counted, or a text that says nothing of the kind.
    """
    if value is None:
        return None
    number = _integer(value)
    if isinstance(value, str):
        written = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", value.strip().lower())
        if written:
            number = int(float(written[1]) * _UNITS[written[2]])
    elif number is None:
        raise TypeError(
            f"k_corrset: 'memory_limit' must be a number of bytes or a text such as '2g'; got {shown(value)}"
        )
    if number is None or not 0 <= number < 1 << 63:
        raise ValueError(
            f"k_corrset: 'memory_limit' must be a number of bytes, or one with a unit (k, m, g, t) such as "
            f"'512m' or '2g'; got {shown(value)}"
        )
    return number


def shown(value: Any) -> str:
    """A value in the text of an error: itself if it is short, and else of which type it is."""
    if isinstance(value, (bool, int, float, str, bytes)) and len(text := repr(value)) <= 100:
        return text
    return f"an object of type {type(value).__name__}"


def _integer(value: Any) -> int | None:
    """An integer, whoever's type it has; `None` of what is none. A bool is an int to Python, and to nobody
    else."""
    if isinstance(value, bool):
        return None
    value = value.as_py() if hasattr(value, "as_py") else value
    try:
        return operator.index(value)
    except TypeError:
        return None

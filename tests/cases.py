"""Tables of cases, of which a default run takes a few and ``pytest -m exhaustive`` the others."""

import pytest


def few(cases, kept):
    """Return all cases for ``pytest.mark.parametrize``; those not ``kept`` are marked exhaustive.

    Args:
        cases: values, or tuples of values where a test takes several arguments.
        kept: cases, one at least for each kind of fault that the table can show.

    Raises:
        ValueError: a case is kept that is not in the table.
    """
    cases, kept = list(cases), list(kept)
    if missing := [case for case in kept if case not in cases]:
        raise ValueError(f"The table has no case {missing[0]!r}; keep those that it has.")
    return [case if case in kept else _exhaustive(case) for case in cases]


def _exhaustive(case):
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.exhaustive)

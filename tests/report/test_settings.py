from __future__ import annotations

import pytest

from valuelocate.errors import UserError
from valuelocate.report.settings import ReportSettings


@pytest.mark.parametrize(
    ("name", "value"), [("questions", -1), ("top_neurons", 1.5), ("bins", 2), ("bins", True)]
)
def test_a_size_that_cannot_be_is_refused_by_name(name: str, value: object):
    with pytest.raises(UserError, match=rf"report\.{name}="):
        ReportSettings(**{name: value})

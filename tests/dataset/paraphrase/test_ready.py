from __future__ import annotations

import pytest

from tests.dataset.paraphrase.conftest import REWRITE, TEXT
from valuelocate.dataset.paraphrase import ReadyParaphraser
from valuelocate.dataset.paraphrase.ready import text_sha256
from valuelocate.errors import MistakesError, UserError

GENERATOR = {"model": "m", "revision": "r", "prompt_sha256": "p", "temperature": 0.5, "seed": 3}


@pytest.mark.parametrize("key", [{"text": TEXT}, {"text_sha256": text_sha256(TEXT)}])
def test_texts_are_found_by_text_and_by_hash(key, write_jsonl, constraints, request_of, store) -> None:
    path = write_jsonl([{**key, "rewrites": [REWRITE, "b", "c", "d"], "generator": GENERATOR}])
    ready = ReadyParaphraser(path=str(path))
    ready.require()
    assert ready.rewrite(TEXT, constraints(count=2)) == [REWRITE, "b"]
    known, unknown = ready.answer([request_of(), request_of("Another text?")], store)
    assert known.generator.seed == 3 and len(known.rewrites) == 3
    assert unknown == ((), None, "not in the file")
    assert ready.told()["file"] == path.name


def test_bad_rows_are_told_all_at_once(write_jsonl) -> None:
    rows = [
        "no json",
        [],
        {"rewrites": []},
        {"text": "a", "text_sha256": "0" * 64, "rewrites": []},
        {"text": "a", "rewrites": "b"},
        {"text": "a", "rewrites": [1]},
        {"text_sha256": "xyz", "rewrites": []},
        {"text": "a", "rewrites": [], "generator": {**GENERATOR, "seed": "1"}},
        {"text": "a", "rewrites": [], "more": 1},
    ]
    ready = ReadyParaphraser(path=str(write_jsonl(rows)))
    with pytest.raises(MistakesError) as raised:
        ready.require()
    assert len(raised.value.messages) == len(rows)


def test_a_missing_file_is_told(tmp_path) -> None:
    with pytest.raises(UserError, match=r"paraphrase\.path=.*no such file"):
        ReadyParaphraser(path=str(tmp_path / "none.jsonl")).require()

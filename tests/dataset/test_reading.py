from __future__ import annotations

import pytest

from valuelocate.dataset.reading import read_lines, read_records, record_files
from valuelocate.errors import MistakesError, UserError


def test_both_kinds_may_share_a_file(write_jsonl, description_row, question_row, theory):
    path = write_jsonl([question_row(), "", description_row()])
    assert [record.kind for record in read_records([path], theory)] == ["question", "description"]


def test_ten_bad_rows_give_ten_messages_with_file_line_and_field(write_jsonl, question_row, theory):
    good = [question_row(text=f"Story {n}. What now?") for n in range(3)]
    bad = [question_row(text=f"Tale {n}. What now?", split="train") for n in range(6)]
    bad += ["{", "[]", question_row(kind="essay"), question_row(text="", stakes="huge")]
    path = write_jsonl([*good, *bad])
    with pytest.raises(MistakesError) as error:
        read_records([path], theory)
    assert len(error.value.messages) == 10
    assert [message.split(": ")[0] for message in error.value.messages] == [
        f"rows.jsonl:{n}" for n in range(4, 14)
    ]
    assert "field 'text'" in error.value.messages[-1]
    assert "field 'stakes'" in error.value.messages[-1]
    assert "10 bad rows" in str(error.value)


def test_a_file_that_is_wrong_throughout_is_told_briefly(write_jsonl, theory):
    with pytest.raises(MistakesError) as error:
        read_records([write_jsonl(["{}"] * 300)], theory)
    assert len(error.value.messages) == 201
    assert error.value.messages[-1] == "... and 100 more"


def test_a_row_that_occurs_twice_is_refused(write_jsonl, question_row, theory):
    rows = [question_row(), question_row(text=question_row()["text"].upper())]
    with pytest.raises(MistakesError, match=r"rows.jsonl:2: the text of rows.jsonl:1 again"):
        read_records([write_jsonl(rows)], theory)
    rows = [question_row(id="one"), question_row(id="one", text="Another one. What now?")]
    with pytest.raises(MistakesError, match=r"rows.jsonl:2: the id 'one' of rows.jsonl:1 again"):
        read_records([write_jsonl(rows)], theory)


def test_a_family_or_text_in_two_splits_is_refused_unless_leaks_are_allowed(
    write_jsonl, question_row, theory
):
    families = [question_row(family="f"), question_row(family="f", split="eval", text="More. What now?")]
    path = write_jsonl(families)
    with pytest.raises(
        MistakesError, match=r"rows.jsonl:2: field 'split': family 'f' is in 'locate' .*allow_leak"
    ):
        read_records([path], theory)
    assert len(read_records([path], theory, allow_leak=True)) == 2
    texts = write_jsonl([question_row(id="a"), question_row(id="b", split="dev")], "texts.jsonl")
    with pytest.raises(MistakesError, match=r"texts.jsonl:2: field 'split': the same text is in 'locate'"):
        read_records([texts], theory)


def test_missing_empty_and_unreadable_files_name_the_key(tmp_path, write_jsonl, theory):
    with pytest.raises(UserError, match=r"dataset.path=.*nowhere.jsonl: no such file or folder"):
        record_files(tmp_path / "nowhere.jsonl")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"the folder has neither descriptions.jsonl nor questions.jsonl"):
        record_files(tmp_path / "folder")
    with pytest.raises(UserError, match=r"dataset.path: .*empty.jsonl has no rows"):
        read_records([write_jsonl([" "], "empty.jsonl")], theory)
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "caf\xe9"}\n')
    with pytest.raises(UserError, match=r"dataset.path: .*latin.jsonl' cannot be read as UTF-8"):
        list(read_lines(tmp_path / "latin.jsonl"))


def test_a_folder_may_hold_one_kind_only(tmp_path, write_jsonl):
    path = write_jsonl(["{}"], "set/questions.jsonl")
    assert record_files(tmp_path / "set") == [path]


def test_byte_order_mark_and_line_separators_inside_texts_are_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('\ufeff{"text": "one\u2028two"}\r\n', encoding="utf-8")
    assert [line.row for line in read_lines(path)] == [{"text": "one\u2028two"}]


def test_deeply_nested_json_is_a_mistake_and_no_crash(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("[" * 200_000 + "\n", encoding="utf-8")
    (line,) = read_lines(path)
    assert line.mistake is not None

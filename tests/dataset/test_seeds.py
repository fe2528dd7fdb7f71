from __future__ import annotations

from collections import Counter

import pytest

from valuelocate.dataset import load_seeds
from valuelocate.dataset.seeds import SEEDS, read_seeds
from valuelocate.errors import MistakesError, UserError

SEED = {
    "topic": "pets",
    "value": "openness_to_change",
    "basic_value": "stimulation",
    "against": "security",
    "form": "two_options",
    "person": "you",
    "stakes": "low",
    "scene": "A ferret needs a home.",
    "ask": "Yours, or another?",
    "neg_kind": "absence",
    "pos": "Mine.",
    "neg": "Another.",
    "pos_more": "I like it lively.",
    "neg_more": "I like it well enough as it is.",
}


def test_every_topic_has_seeds_for_every_value(topics, theory):
    cells = Counter((seed.topic, seed.value) for seed in load_seeds())
    assert set(cells) == {(topic, value.id) for topic in topics.topics for value in theory.targets()}
    least = {"locate": 9, "dev": 7, "eval": 7}
    assert all(count >= least[topics.split_of(topic)] for (topic, _), count in cells.items())


def test_seeds_of_a_split_are_of_its_topics(topics):
    assert [len(load_seeds(split)) for split in ("locate", "dev", "eval")] == [2160, 224, 448]
    assert {seed.topic for seed in load_seeds("eval")} == set(topics.of_split("eval"))
    with pytest.raises(UserError, match="split=test: expected one of locate, dev, eval"):
        load_seeds("test")


def test_files_bear_their_topics_and_families_are_unique():
    for path in SEEDS.glob("*.jsonl"):
        assert f'"topic": "{path.stem}"' in path.read_text(encoding="utf-8").replace('":"', '": "')
    families = [seed.family for seed in load_seeds()]
    assert families == sorted(set(families))


def test_a_seed_knows_its_question_split_half_and_family(write_jsonl, topics):
    (seed,) = read_seeds([write_jsonl([SEED])], topics)
    assert seed.question == "A ferret needs a home. Yours, or another?"
    assert seed.split == "locate"
    assert seed.half in ("model", "judge")
    assert seed.family.startswith("seed-pets-")
    (bare,) = read_seeds([write_jsonl([SEED | {"scene": ""}], "bare.jsonl")], topics)
    assert bare.question == "Yours, or another?"
    assert bare.family != seed.family


def test_bad_seeds_are_told_with_file_line_and_field(write_jsonl, topics):
    rows = [SEED, SEED, SEED | {"form": "poem", "ask": ""}, SEED | {"topic": "pest"}, "{", "[]"]
    with pytest.raises(MistakesError) as error:
        read_seeds([write_jsonl(rows, "pets.jsonl")], topics)
    told = error.value.messages
    assert [message.split(": ")[0] for message in told] == [f"pets.jsonl:{n}" for n in range(2, 7)]
    assert "again" in told[0]
    assert "field 'form'" in told[1]
    assert "field 'ask'" in told[1]
    assert "did you mean pets" in told[2]


def test_no_seed_files_are_told(topics):
    with pytest.raises(UserError, match="no seed files found"):
        read_seeds([], topics)


def test_every_shipped_seed_can_grow_into_six_questions():
    for seed in load_seeds():
        assert seed.retold and len(seed.asks) >= 5 and 3 <= len(seed.slots) <= 4, seed.family
        assert all(fillers[0] in f"{seed.scene} {seed.ask}" for fillers in seed.slots.values()), seed.family


@pytest.mark.parametrize(
    ("field", "found", "message"),
    [
        ("slots", {"name": ["Ann", "Bo"]}, "at least 3 different texts"),
        ("slots", {"name": ["Ann", "Ann", "Bo"]}, "at least 3 different texts"),
        ("slots", {"name": "Ann"}, "at least 3 different texts"),
        ("asks", {"sing": "Will you?"}, "an object of texts by form"),
        ("asks", {"trade": ""}, "an object of texts by form"),
    ],
)
def test_slots_and_asks_are_checked(field, found, message, write_jsonl, topics):
    with pytest.raises(MistakesError, match=message):
        read_seeds([write_jsonl([SEED | {field: found}], "pets.jsonl")], topics)

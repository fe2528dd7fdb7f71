from __future__ import annotations

from collections import Counter

import pytest

from valuelocate.dataset import half, load_seeds, load_topics
from valuelocate.dataset.splits import read_topics
from valuelocate.errors import MistakesError, UserError


def test_topics_are_sixty_eight_and_sixteen_in_fourteen_domains(topics):
    assert Counter(topic.split for topic in topics.topics.values()) == {"locate": 60, "dev": 8, "eval": 16}
    domains = Counter(topic.domain for topic in topics.topics.values())
    assert len(domains) == 14
    assert set(domains.values()) == {6}
    assert len({topic.domain for topic in topics.topics.values() if topic.split == "eval"}) == 14


def test_a_topic_has_a_split_and_a_domain(topics):
    assert topics.split_of("pets") == "locate"
    assert topics.domain_of("pets") == "home"
    assert "debts" in topics.of_split("eval")
    with pytest.raises(UserError, match=r"topic 'pet' is not in topics.yaml; did you mean pets"):
        topics.topic("pet")


def test_topics_in_two_domains_or_no_split_are_refused(tmp_path):
    path = tmp_path / "topics.yaml"
    path.write_text("home: {pets: locate, plants: train}\nwork: {pets: eval}\n", encoding="utf-8")
    with pytest.raises(MistakesError) as error:
        read_topics(path)
    assert len(error.value.messages) == 2


def test_halves_are_fixed_and_about_even():
    assert half("seed-pets-0") == half("seed-pets-0")
    counts = Counter(half(f"family-{n}") for n in range(2000))
    assert set(counts) == {"model", "judge"}
    assert abs(counts["model"] - 1000) < 110


def test_the_shipped_seeds_fall_into_both_halves_for_every_value():
    counts = Counter((seed.value, seed.half) for seed in load_seeds("locate"))
    assert len(counts) == 8
    assert min(counts.values()) > 90


def test_topics_are_read_once():
    assert load_topics() is load_topics()

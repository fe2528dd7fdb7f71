"""Gates of balance and form: each passes a good set and refuses a bad one."""

from __future__ import annotations

from random import Random

import pytest

from valuelocate.dataset.checks.association import check_association, mutual_information
from valuelocate.dataset.checks.families import check_family_details, check_family_forms, check_family_size
from valuelocate.dataset.checks.form_shares import (
    check_commonest_eval_form,
    check_commonest_form,
    check_rarest_form,
)
from valuelocate.dataset.checks.language import check_language
from valuelocate.dataset.checks.length_spread import check_length_deviation, check_unusual_lengths
from valuelocate.dataset.checks.stance_share import check_stance_share
from valuelocate.dataset.checks.topic_balance import check_topic_balance
from valuelocate.dataset.splits import Topic, Topics

VALUES = {
    "openness_to_change": "hedonism",
    "self_enhancement": "power",
    "conservation": "security",
    "self_transcendence": "benevolence",
}


@pytest.fixture
def by_topic(question):
    def make(counts):
        """Rows of (value, topic), as many as counts gives."""
        return [
            question(value=value, basic_value=VALUES[value], topic=topic, text=f"{value} {topic} {place}?")
            for (value, topic), count in counts.items()
            for place in range(count)
        ]

    return make


def test_topic_balance_passes_even_topics_and_finds_a_topic_tied_to_a_value(by_topic, theory):
    topics = Topics({"pets": Topic(id="pets", domain="home", split="locate")})
    allowed = {"locate": (4, 6)}
    even = by_topic({(value, "pets"): 5 for value in VALUES})
    assert check_topic_balance(even, theory, topics, allowed) == (0, [])
    bad = by_topic({(value, "pets"): 5 for value in list(VALUES)[:3]} | {("self_transcendence", "pets"): 7})
    figure, findings = check_topic_balance(bad, theory, topics, allowed)
    assert figure == 1
    assert findings[0].reason == "7 rows; expected 4 to 6"
    missing = check_topic_balance(even[:15], theory, topics, allowed)
    assert [(f.row, f.reason) for f in missing.findings] == [
        ("self_transcendence/pets", "0 rows; expected 4 to 6")
    ]


def test_mutual_information_is_the_entropy_of_a_copy_and_about_none_of_independent_draws():
    random = Random(0)
    topics = [random.randrange(84) for _ in range(15_000)]
    values = [random.randrange(4) for _ in range(15_000)]
    assert abs(mutual_information(topics, values)) < 0.003
    # Of a copy, the correction of one of the three entropies is left: (4 - 1) / (2 n ln 2).
    assert mutual_information(values, values) == pytest.approx(2, abs=1e-3)
    with pytest.raises(ValueError):
        mutual_information(topics, values[1:])


def test_association_passes_crossed_fields_and_finds_a_form_tied_to_a_value(by_topic):
    crossed = by_topic({(value, topic): 5 for value in VALUES for topic in ("pets", "commuting")})
    assert check_association(crossed, "topic").findings == []
    tied = by_topic({("conservation", "pets"): 50, ("self_enhancement", "commuting"): 50})
    (finding,) = check_association(tied, "topic").findings
    assert finding.reason.startswith("tells 1.0")


def of_forms(question, counts, split="locate"):
    return [
        question(form=form, split=split, text=f"{split} {form} {place}?")
        for form, count in counts.items()
        for place in range(count)
    ]


def test_form_shares_pass_even_forms_and_find_a_crowd_and_a_rarity(question):
    even = of_forms(question, {f"form{n}": 5 for n in range(20)})
    assert check_commonest_form(even) == (0.05, [])
    assert check_rarest_form(even) == (0.05, [])
    uneven = of_forms(question, {f"form{n}": 5 for n in range(18)} | {"crowd": 9, "rarity": 1})
    assert [f.row for f in check_commonest_form(uneven).findings] == ["crowd"]
    assert [f.row for f in check_rarest_form(uneven).findings] == ["rarity"]


def test_form_shares_within_eval_have_their_own_limit(question):
    locate = of_forms(question, {f"form{n}": 30 for n in range(20)})
    good = of_forms(question, {f"held{n}": 1 for n in range(10)}, "eval")
    assert check_commonest_eval_form([*locate, *good]) == (0.1, [])
    assert check_rarest_form([*locate, *good]).findings == []  # forms of eval alone may be rare
    bad = of_forms(question, {"held0": 2, **{f"held{n}": 1 for n in range(1, 9)}}, "eval")
    assert [f.row for f in check_commonest_eval_form([*locate, *bad]).findings] == ["held0"]


def family(question, slots, forms=None):
    return [
        question(family="seed-1", form=(forms or "abcdefgh")[place], slots=row, text=f"Row {place}?")
        for place, row in enumerate(slots)
    ]


def test_families_pass_few_rows_of_different_forms_and_details(question):
    rows = family(question, [{"who": f"{n}", "where": f"{n}"} for n in range(6)])
    assert check_family_size(rows) == (6, [])
    assert check_family_forms(rows) == (0, [])
    assert check_family_details(rows) == (0, [])
    assert check_family_details([question()]) == (0, [])


def test_families_refuse_too_many_rows_a_form_twice_and_one_detail_changed(question):
    many = family(question, [{"who": f"{n}", "where": f"{n}"} for n in range(7)])
    assert check_family_size(many).findings[0].reason == "7 rows; at most 6"
    same = family(question, [{"who": "a", "where": "b"}, {"who": "c", "where": "d"}], forms="xx")
    assert len(check_family_forms(same).findings) == 2
    one = family(question, [{"who": "a", "where": "b"}, {"who": "a", "where": "c"}])
    assert "in 1 slots" in check_family_details(one).findings[0].reason
    assert len(check_family_details(family(question, [{}, {}])).findings) == 1


def test_lengths_pass_a_wide_range_and_refuse_a_narrow_and_an_extreme_one(question):
    wide = [question(text="word " * n + "?") for n in range(12, 58)]
    assert check_length_deviation(wide).figure > 9
    assert check_length_deviation(wide).findings == []
    assert check_unusual_lengths(wide) == (0, [])
    narrow = [question(text="word " * n + "?") for n in range(28, 32)]
    assert check_length_deviation(narrow).findings[0].reason == "1.29; at least 9"
    extreme = [*wide, question(text="word " * 64 + "?")]
    assert check_unusual_lengths(extreme).findings[0].reason == "65 words; usual are 12 to 60"


def test_language_passes_english_and_finds_other_languages(question, description):
    assert check_language([question(), description()]) == (1, [])
    rows = [
        question(),
        question(text="Dein Nachbar leiht dir im Sommer seinen Garten. Was machst du damit, und warum?"),
    ]
    figure, findings = check_language(rows)
    assert figure == 0.5
    assert findings[0].reason == "lang is 'en', reads as 'de'"
    german = question(lang="de-AT", text=rows[1].text)
    assert check_language([german]).findings == []


def test_stance_share_passes_most_with_answers_and_refuses_few(question):
    rows = [
        question(split="eval", text=f"What of {n}?", stances=None if n < 2 else {"pos": "A.", "neg": "B."})
        for n in range(10)
    ]
    assert check_stance_share([*rows, question(stances=None)]) == (0.8, [])
    assert check_stance_share(rows[:9]).findings[0].reason == "0.778; at least 0.8"

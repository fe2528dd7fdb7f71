"""Gates of redundancy and diversity: each passes a good set and refuses a bad one."""

from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pytest
from sacrebleu import sentence_bleu

from valuelocate.dataset.checks.distinct import check_distinct, distinct
from valuelocate.dataset.checks.embedding import check_paraphrases
from valuelocate.dataset.checks.masking import mask, masked_text
from valuelocate.dataset.checks.near_duplicates import check_across, check_within, find_alike
from valuelocate.dataset.checks.opening_entropy import check_opening_entropy, opening_entropy
from valuelocate.dataset.checks.openings import check_commonest_opening, check_ten_openings
from valuelocate.dataset.checks.self_bleu import bleu_against, check_self_bleu, self_bleu
from valuelocate.dataset.checks.skeletons import check_skeletons, skeleton
from valuelocate.dataset.checks.vocabulary import check_vocabulary, vocabulary
from valuelocate.dataset.text import ngrams


def prose(rows: int, words: int = 30, types: int = 2_000, seed: int = 0) -> list[str]:
    """Texts of random words, the n-th commonest about 1 / n as frequent as the first."""
    random = Random(seed)
    weights = [1 / (rank + 1) for rank in range(types)]
    names = [f"word{n}" for n in range(types)]
    return [" ".join(random.choices(names, weights, k=words)) for _ in range(rows)]


def varied(rows: int, changed: int) -> dict[str, str]:
    """Texts of twenty words in pairs; the second of a pair has its last words changed."""
    texts: dict[str, str] = {}
    for row in range(rows):
        words = [f"w{row}x{place}" for place in range(20)]
        texts[f"{row}"] = " ".join(words)
        texts[f"{row}b"] = " ".join([*words[: 20 - changed], *(f"y{row}x{n}" for n in range(changed))])
    return texts


@pytest.mark.parametrize("threshold", [0.7, 0.8])
def test_near_duplicates_agree_with_comparing_every_pair(threshold):
    texts = {f"{changed}-{row}": text for changed in range(8) for row, text in varied(10, changed).items()}
    splits = {row: ("locate", "eval")[row.endswith("b")] for row in texts}
    sets = {row: ngrams(text.split(), 3) for row, text in texts.items()}
    near = [
        (a, b)
        for a, b in combinations(texts, 2)
        if len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= threshold
    ]
    within = {row for pair in near for row in pair if splits[pair[0]] == splits[pair[1]]}
    across = {row for pair in near for row in pair if splits[pair[0]] != splits[pair[1]]}
    alike = find_alike(texts, splits, threshold)
    assert within and across
    assert (set(alike.within), set(alike.across)) == (within, across)


def test_near_duplicates_pass_different_texts_and_refuse_copies():
    good = dict(enumerate_texts(prose(300)))
    alike = find_alike(good, dict.fromkeys(good, "locate"), 0.7)
    assert check_within(alike, 0.005, "near") == (0, [])
    assert check_across(alike, "near") == (0, [])
    bad = varied(5, 1)
    alike = find_alike(bad, dict.fromkeys(bad, "locate"), 0.7)
    figure, findings = check_within(alike, 0.5, "near")
    assert figure == 1
    assert {f.row: f.reason for f in findings}["0b"] == "shares most word triples with 0"
    alike = find_alike(bad, {row: "eval" if row == "0b" else "locate" for row in bad}, 0.7)
    assert {f.row for f in check_across(alike, "near").findings} == {"0", "0b"}


def test_near_duplicates_count_every_row_of_a_group_of_equal_texts():
    texts = dict.fromkeys("abcd", "one two three four")
    alike = find_alike(texts, {"a": "locate", "b": "locate", "c": "locate", "d": "eval"}, 0.7)
    assert set(alike.within) == {"a", "b", "c"}
    assert set(alike.across) == {"a", "b", "c", "d"}


def enumerate_texts(texts):
    return ((f"{place}", text) for place, text in enumerate(texts))


def test_masking_hides_fillers_and_numbers():
    assert (
        mask("Ana's two cats, 12 of them, left Porto.", ("Porto", "Ana")) == "anas 0 cats 0 of them left slot"
    )
    assert mask("Twenty-five years or 3,000 euros?") == "0 years or 0 euros"
    assert mask("The catalogue of the cat", ("cat",)) == "the catalogue of the slot"


def test_masked_rows_that_differ_in_slots_only_are_alike(question):
    text = "Your friend {who} offers you her garden in {where} for {weeks} weeks. What now?"
    rows = [
        question(text=text.format(**slots, weeks=weeks), slots=slots)
        for slots, weeks in (
            ({"who": "Ana", "where": "Porto"}, "two"),
            ({"who": "Mirela", "where": "Cluj"}, "12"),
        )
    ]
    texts = {row.id: masked_text(row) for row in rows}
    assert len(set(texts.values())) == 1
    splits = {rows[0].id: "locate", rows[1].id: "dev"}
    assert check_across(find_alike(texts, splits, 0.8), "masked").figure == 2


def test_openings_pass_varied_and_refuse_common_ones():
    good = [f"w{n} x{n} y" for n in range(100)]
    assert check_commonest_opening(good).findings == check_ten_openings(good).findings == []
    assert check_commonest_opening([*good, *["imagine you are"] * 5]).findings[0].row == "imagine you"
    many = [f"open{n % 10} it {n}" for n in range(40)]
    assert check_ten_openings([*good, *many]).findings[0].reason == "0.286; at most 0.25"


def test_opening_entropy_passes_varied_and_refuses_common_openings():
    good = [f"a b{n} c" for n in range(1024)]
    assert opening_entropy(good) == pytest.approx(10)
    assert check_opening_entropy(good).findings == []
    bad = [f"a b{n % 256} c" for n in range(1024)]
    assert check_opening_entropy(bad).findings[0].reason == "8; at least 9"


def test_skeletons_pass_varied_frames_and_refuse_one_frame():
    assert skeleton("Your aunt can't sing in the Rain!") == "your * cant * in the *"
    random = Random(0)
    frame = ["the", "of", "with", "or", "cat", "is"]
    good = {f"{n}": " ".join(random.choices(frame, k=20)) for n in range(300)}
    assert check_skeletons(good).findings == []
    bad = good | {f"t{n}": f"Would you sell the noun{n} for a verb{n}?" for n in range(5)}
    figure, findings = check_skeletons(bad)
    assert figure == pytest.approx(5 / 305)
    assert [f.row for f in findings] == [f"t{n}" for n in range(5)]


def test_distinct_is_the_share_of_different_runs_within_texts():
    assert distinct(["a b a b", "a b c"], 1, tokens=7, draws=1) == pytest.approx(3 / 7)
    assert distinct(["a b a b", "a b c"], 2, tokens=7, draws=1) == pytest.approx(3 / 5)
    assert distinct(["a b c d"], 1, tokens=2) == 1
    with pytest.raises(ValueError, match="4 words; expected at least 15000"):
        distinct(["a b c d"], 1)


@pytest.mark.parametrize(("n", "types"), [(1, 8_000), (2, 20_000), (3, 20_000)])
def test_distinct_passes_rich_and_refuses_poor_text(n, types):
    assert check_distinct(prose(700, types=types), n).findings == []
    assert len(check_distinct(prose(700, types=60), n).findings) == 1


def test_self_bleu_is_mean_sentence_bleu():
    texts = prose(24, words=12, types=20)
    hypotheses, references = texts[:12], texts[12:]
    expected = [
        sentence_bleu(text, references, tokenize="none", smooth_method="exp").score for text in hypotheses
    ]
    assert bleu_against(hypotheses, references) == pytest.approx(np.mean(expected) / 100)
    assert bleu_against(texts, texts) == pytest.approx(1)
    with pytest.raises(ValueError, match="expected at least 1000"):
        self_bleu(texts)


def test_self_bleu_passes_varied_and_refuses_a_template():
    assert check_self_bleu(prose(1_000, types=20_000)).findings == []
    template = [f"Would you sell the noun{n} or keep the noun{n + 1} for a year?" for n in range(1_000)]
    assert len(check_self_bleu(template).findings) == 1


def test_vocabulary_counts_words_used_three_times():
    assert vocabulary(["a b c", "A b!", "a, c"]) == 1
    assert check_vocabulary([f"word{n} word{n} word{n}" for n in range(6_000)]).findings == []
    assert check_vocabulary([f"word{n} word{n}" for n in range(6_000)]).figure == 0
    assert len(check_vocabulary(["a a a"]).findings) == 1


def test_paraphrases_pass_different_and_refuse_near_embeddings():
    texts = {f"{n}": f"text {n}" for n in range(100)}
    assert check_paraphrases(texts, lambda found: np.eye(len(found))) == (0, [])

    def near(found):
        matrix = np.eye(len(found))
        matrix[1] = [1, 0.1, *[0] * (len(found) - 2)]
        return matrix

    figure, findings = check_paraphrases(texts, near)
    assert figure == 0.02
    assert [(f.row, f.reason) for f in findings] == [("0", "cosine 1.00 with 1"), ("1", "cosine 1.00 with 0")]
    with pytest.raises(ValueError, match=r"shape \(3, 3\); expected 100 rows"):
        check_paraphrases(texts, lambda found: np.eye(3))

import logging

import pytest
import torch

from tests.reference import locate_selection as reference
from tests.reference.locate_statistics import RawContrast
from valuelocate.errors import UserError
from valuelocate.locate import (
    Budget,
    CountSelection,
    MeanDiffLocator,
    PaperSelection,
    ShareSelection,
    ThresholdSelection,
    ValueLocateLocator,
)
from valuelocate.locate.order import choose

CONTINUOUS = MeanDiffLocator()
"""A locator whose scores have no ties."""


def places(neurons) -> list[tuple[int, int]]:
    return list(zip(neurons.layer.tolist(), neurons.neuron.tolist(), strict=True))


@pytest.mark.parametrize("in_scope", [[True, True, True], [True, False, True]])
def test_ends_takes_half_from_each_end(context, scores_of, in_scope) -> None:
    scores = scores_of(CONTINUOUS.score(context).scores, in_scope=in_scope)
    found = CountSelection(count=10).select(scores, context.statistics, how="ends", seed=0)
    top, bottom = reference.ends(scores.scores.tolist(), in_scope, 5, 5)
    assert places(found) == [*top, *bottom]
    assert found.pole.tolist() == [1] * 5 + [-1] * 5


@pytest.mark.parametrize("kind", ["activation", "effect"])
def test_magnitude_takes_the_largest(context, scores_of, kind) -> None:
    scores = scores_of(CONTINUOUS.score(context).scores, kind=kind, in_scope=[False, True, True])
    found = CountSelection(count=10).select(scores, context.statistics, how="magnitude", seed=0)
    expected = reference.largest(scores.scores.tolist(), [False, True, True], 10, effect=kind == "effect")
    assert places(found) == expected
    signs = [1 if scores.scores[place] > 0 else -1 for place in expected]
    assert found.pole.tolist() == signs
    assert kind == "activation" or set(signs) == {1}


def test_members_carry_the_shared_statistics(context) -> None:
    statistics = context.statistics
    scores = CONTINUOUS.score(context)
    found = CountSelection(count=8).select(scores, statistics, how="ends", seed=0)
    tables = {
        "score": scores.scores,
        "delta": statistics.positive.probability - statistics.negative.probability,
        "p_pos": statistics.positive.active / statistics.positive.tokens,
        "p_neg": statistics.negative.active / statistics.negative.tokens,
        "shift_mid": statistics.positive.token_mean["mid"] - statistics.negative.token_mean["mid"],
        "shift_gate_act": statistics.shift("gate_act"),
        "a95_pos": statistics.positive.a95,
        "a95_neg": statistics.negative.a95,
    }
    assert set(found.columns) == set(tables)
    for name, table in tables.items():
        torch.testing.assert_close(found.column(name), table[found.layer, found.neuron].double())
    assert (found.n_layers, found.width) == tuple(scores.scores.shape)
    assert (found.locator, found.score_site, found.value) == ("mean_diff", "mid", "openness_to_change")
    assert (found.fingerprint, found.data_hash, found.notes["how"]) == ("model", "data", "ends")


def test_without_percentiles_there_are_no_a95_columns(raw, context) -> None:
    found = CountSelection(count=8).select(
        CONTINUOUS.score(context), raw.statistics(percentile=False), how="ends", seed=0
    )
    assert "a95_pos" not in found.columns
    with pytest.raises(UserError, match="no statistic 'a95_pos'"):
        found.column("a95_pos")


@pytest.mark.parametrize("how", ["ends", "magnitude"])
def test_zero_scores_never_fill_the_budget(context, scores_of, how, caplog) -> None:
    table = torch.zeros(3, 16)
    table[0, :3] = torch.tensor([3.0, 2.0, 1.0])
    table[2, 4:6] = -1.0
    with caplog.at_level(logging.WARNING):
        found = CountSelection(count=20).select(scores_of(table), context.statistics, how=how, seed=0)
    assert (found.k_requested, found.k_effective) == (20, 5)
    assert set(places(found)) == {(0, 0), (0, 1), (0, 2), (2, 4), (2, 5)}
    assert "20 neurons were asked for and 5 selected" in caplog.text


def test_a_pole_never_takes_scores_of_the_other_sign(context, scores_of) -> None:
    table = torch.arange(48.0).reshape(3, 16) + 1
    found = CountSelection(count=10).select(scores_of(table), context.statistics, how="ends", seed=0)
    assert found.pole.tolist() == [1] * 5


def test_ties_break_by_a_seeded_hash(context, scores_of) -> None:
    table = torch.where(torch.arange(48).reshape(3, 16) % 2 == 0, 1.0, -1.0)
    rule, scores = CountSelection(count=12), scores_of(table)
    first, again, other = (
        places(rule.select(scores, context.statistics, how="ends", seed=seed)) for seed in (0, 0, 1)
    )
    assert first == again
    assert set(first) != set(other)


def test_a_tie_does_not_depend_on_the_scope(scores_of) -> None:
    table = torch.ones(3, 16)
    everywhere = choose(scores_of(table), Budget(48, 0), how="ends", seed=0).members.tolist()
    one_layer = choose(
        scores_of(table, in_scope=[False, True, False]), Budget(48, 0), how="ends", seed=0
    ).members.tolist()
    assert [neuron for neuron in everywhere if 16 <= neuron < 32] == one_layer


def test_ties_do_not_favour_a_layer(scores_of) -> None:
    table = torch.ones(4, 1000)
    found = choose(scores_of(table), Budget(400, 0), how="ends", seed=0).members // 1000
    counts = torch.bincount(found, minlength=4)
    # 100 each; the standard deviation is below 9.
    assert ((counts - 100).abs() < 40).all()


@pytest.mark.parametrize(("share", "expected"), [(0.5, 24), (0.26, 12), (0.001, 4), (1.0, 48)])
def test_share_is_of_the_neurons_in_scope(context, share, expected) -> None:
    rule = ShareSelection(share=share)
    assert sum(rule.budget(CONTINUOUS.score(context), context.statistics, "ends")) == expected


def test_share_counts_the_scope_only(context, scores_of) -> None:
    scores = scores_of(CONTINUOUS.score(context).scores, in_scope=[True, False, False])
    assert ShareSelection(share=0.5).budget(scores, context.statistics, "ends") == Budget(4, 4)


def test_threshold_takes_all_that_reach_it(context) -> None:
    scores = CONTINUOUS.score(context)
    for how in ("ends", "magnitude"):
        found = ThresholdSelection(threshold=0.5).select(scores, context.statistics, how=how, seed=0)
        expected = (scores.scores.abs() >= 0.5).nonzero().tolist()
        assert sorted(places(found)) == [tuple(place) for place in expected]
        assert found.k_requested == found.k_effective


def test_threshold_of_effects_takes_positive_ones_by_magnitude(context, scores_of) -> None:
    scores = scores_of(CONTINUOUS.score(context).scores, kind="effect")
    found = ThresholdSelection(threshold=0.5).select(scores, context.statistics, how="magnitude", seed=0)
    assert len(found) == int((scores.scores >= 0.5).sum())


def test_a_threshold_nothing_reaches_is_refused(context) -> None:
    rule = ThresholdSelection(threshold=99.0)
    with pytest.raises(UserError, match=r"select\.threshold=99\.0: 0 neurons reach it"):
        rule.select(CONTINUOUS.score(context), context.statistics, how="ends", seed=0)


def test_paper_rule_without_cap(context) -> None:
    delta = context.statistics.delta
    rule = PaperSelection(min_k=6, threshold=0.3, cap=1.0)
    expected = Budget(max(6, int((delta >= 0.3).sum())), max(6, int((delta <= -0.3).sum())))
    assert expected.positive > 6
    assert rule.budget(ValueLocateLocator().score(context), context.statistics, "ends") == expected
    # Another locator gets as many neurons, from its own ranking.
    assert rule.budget(CONTINUOUS.score(context), context.statistics, "ends") == expected


def test_paper_rule_is_capped_with_a_warning(context, caplog) -> None:
    rule = PaperSelection(min_k=10, threshold=2.0, cap=0.25)
    with caplog.at_level(logging.WARNING):
        found = rule.select(ValueLocateLocator().score(context), context.statistics, how="ends", seed=0)
    assert (int((found.pole > 0).sum()), int((found.pole < 0).sum())) == (6, 6)
    assert "select=paper asks for 20 of the 48 neurons in scope: 12 are taken" in caplog.text


def test_paper_cap_keeps_the_proportion_and_two_of_each_pole(context, scores_of) -> None:
    raw = RawContrast.random(3, width=64)
    for positive, negative in raw.answers["gate_act"]:
        positive[:], negative[:] = 1.0, -1.0
    statistics = raw.statistics()
    scores = scores_of(torch.ones(3, 64))
    rule = PaperSelection(min_k=1, threshold=0.1, cap=0.1)
    assert rule.budget(scores, statistics, "ends") == Budget(17, 2)


def test_fewer_than_four_neurons_are_no_set(context, scores_of) -> None:
    table = torch.zeros(3, 16)
    table[0, :3] = 1.0
    with pytest.raises(UserError, match="locate=made_up: only 3 neurons"):
        CountSelection(count=10).select(scores_of(table), context.statistics, how="ends", seed=0)


def test_a_scope_of_fewer_than_four_neurons_is_refused(context, scores_of) -> None:
    with pytest.raises(UserError, match="scope: 2 neurons are in scope"):
        ShareSelection(share=1.0).select(scores_of(torch.ones(1, 2)), context.statistics, how="ends", seed=0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ShareSelection(share=0), r"select\.share=0: expected a share"),
        (lambda: ShareSelection(share=1.5), r"select\.share=1\.5"),
        (lambda: ShareSelection(share="1%"), r"select\.share=1%"),
        (lambda: CountSelection(count=2), r"select\.count=2: expected an even number of at least 4"),
        (lambda: CountSelection(count=7), r"select\.count=7"),
        (lambda: CountSelection(count=10.0), r"select\.count=10\.0"),
        (lambda: ThresholdSelection(threshold=0), r"select\.threshold=0: expected a number above 0"),
        (lambda: ThresholdSelection(threshold=float("nan")), r"select\.threshold=nan"),
        (lambda: PaperSelection(min_k=0), r"select\.min_k=0"),
        (lambda: PaperSelection(threshold=-1.0), r"select\.threshold=-1\.0"),
        (lambda: PaperSelection(cap=2.0), r"select\.cap=2\.0"),
    ],
)
def test_settings_without_meaning_are_refused_with_their_key(build, message) -> None:
    with pytest.raises(UserError, match=message):
        build()


def test_more_than_there_are_is_refused(context) -> None:
    with pytest.raises(UserError, match=r"select\.count=50: only 48 neurons are in scope"):
        CountSelection(count=50).select(CONTINUOUS.score(context), context.statistics, how="ends", seed=0)


def test_an_unknown_way_is_refused(context) -> None:
    with pytest.raises(UserError, match="how=top: expected one of ends, magnitude"):
        CountSelection(count=8).select(CONTINUOUS.score(context), context.statistics, how="top", seed=0)

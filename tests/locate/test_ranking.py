from dataclasses import replace

import torch

from tests.reference import locate_statistics as reference
from valuelocate.locate import CountSelection, MeanDiffLocator, ValueLocateLocator, ranking_table


def test_every_neuron_in_scope_has_a_row(context, scores_of) -> None:
    scores = scores_of(context.statistics.delta, in_scope=[True, False, True])
    table = ranking_table(scores, context.statistics)
    assert len(table) == 32
    assert set(table["layer"]) == {0, 2}
    assert not table.duplicated(["layer", "neuron"]).any()
    assert table["rank"].tolist() == list(range(1, 33))
    assert table["score"].is_monotonic_decreasing


def test_columns_are_the_statistics(raw, context) -> None:
    table = ranking_table(MeanDiffLocator().score(context), context.statistics)
    place = (torch.tensor(table["layer"]), torch.tensor(table["neuron"]))
    expected = {"delta": reference.table(raw, reference.delta)}
    for site in ("mid", "gate_act"):
        expected[f"mean_diff_{site}"] = reference.table(raw, reference.mean_difference, site)
        expected[f"paired_t_{site}"] = reference.table(raw, reference.paired_t, site)
        expected[f"shift_{site}"] = context.statistics.shift(site)
    expected["score"] = expected["mean_diff_mid"]
    for name, full in expected.items():
        torch.testing.assert_close(torch.tensor(table[name]), full[place])
    others = {"layer", "neuron", "rank", "p_pos", "p_neg", "a95_pos", "a95_neg"}
    assert set(table.columns) == others | set(expected)


def test_selection_and_ranking_agree_on_ties(context) -> None:
    scores = ValueLocateLocator().score(context)
    table = ranking_table(scores, context.statistics, seed=3)
    found = CountSelection(count=20).select(scores, context.statistics, how="ends", seed=3)
    places = list(zip(found.layer.tolist(), found.neuron.tolist(), strict=True))
    ranked = list(zip(table["layer"], table["neuron"], strict=True))
    assert places[:10] == ranked[:10]
    assert places[10:] == ranked[:-11:-1]


def test_one_pair_has_no_t(context) -> None:
    table = ranking_table(ValueLocateLocator().score(context), replace(context.statistics, pairs=1))
    assert table["paired_t_mid"].isna().all()

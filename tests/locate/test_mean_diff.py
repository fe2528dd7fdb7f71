from dataclasses import replace

import pytest
import torch

from tests.reference import locate_statistics as reference
from valuelocate.errors import UserError
from valuelocate.locate import MeanDiffLocator
from valuelocate.locate.mean_diff import in_layer_medians


@pytest.mark.parametrize("site", ["gate_act", "mid"])
def test_score_is_the_difference_of_response_means(raw, context, site) -> None:
    found = MeanDiffLocator(site=site).score(context)
    assert found.site == site
    torch.testing.assert_close(found.scores, reference.table(raw, reference.mean_difference, site))


def test_long_answers_weigh_no_more_than_short_ones(raw, context) -> None:
    tokens = context.statistics.shift("mid")
    assert not torch.allclose(MeanDiffLocator().score(context).scores, tokens)


def test_pooled_sd_gives_cohens_d(raw, context) -> None:
    found = MeanDiffLocator(scale="pooled_sd").score(context)
    torch.testing.assert_close(found.scores, reference.table(raw, reference.cohen_d, "mid"))


def test_layer_median_puts_layers_on_one_scale(context) -> None:
    plain = MeanDiffLocator().score(context).scores
    found = MeanDiffLocator(scale="layer_median").score(context).scores
    expected = torch.stack([row / row.abs().sort().values[(len(row) - 1) // 2] for row in plain])
    torch.testing.assert_close(found, expected)


def test_layer_median_leaves_dead_neurons_out() -> None:
    difference = torch.tensor([[0.0, 0.0, 0.0, 2.0, -4.0, 8.0], [0.0] * 6], dtype=torch.float64)
    expected = torch.tensor([[0.0, 0.0, 0.0, 0.5, -1.0, 2.0], [0.0] * 6], dtype=torch.float64)
    torch.testing.assert_close(in_layer_medians(difference), expected)


def test_pooled_sd_needs_three_responses(context) -> None:
    positive, negative = context.statistics.positive, context.statistics.negative
    few = replace(
        context.statistics, positive=replace(positive, responses=1), negative=replace(negative, responses=1)
    )
    with pytest.raises(UserError, match=r"locate\.scale=pooled_sd needs at least 3 responses, found 2"):
        MeanDiffLocator(scale="pooled_sd").score(replace(context, statistics=few))


@pytest.mark.parametrize(("field", "value"), [("site", "up"), ("scale", "sd")])
def test_unknown_names_are_refused_with_their_key(field, value) -> None:
    with pytest.raises(UserError, match=f"locate.{field}={value}: expected one of"):
        MeanDiffLocator(**{field: value})

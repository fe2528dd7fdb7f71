from dataclasses import replace

import torch

from valuelocate.locate import RandomMatchedLocator


def test_scores_are_seeded(context) -> None:
    first, again = (RandomMatchedLocator().score(context).scores for _ in range(2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    for other in (replace(context, seed=1), replace(context, value="conservation")):
        assert not torch.equal(first, RandomMatchedLocator().score(other).scores)


def test_scores_fill_both_signs_without_ties(context) -> None:
    scores = RandomMatchedLocator().score(context).scores
    assert -1 < scores.min() < -0.5 < 0.5 < scores.max() < 1
    assert len(scores.unique()) == scores.numel()


def test_scores_do_not_follow_the_statistics(context) -> None:
    scores = RandomMatchedLocator().score(context).scores
    doubled = replace(context, statistics=replace(context.statistics, pairs=2))
    torch.testing.assert_close(scores, RandomMatchedLocator().score(doubled).scores, rtol=0, atol=0)

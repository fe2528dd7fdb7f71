from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from tests.reference import locate_statistics as reference
from valuelocate.errors import UserError
from valuelocate.locate import PairedTLocator
from valuelocate.locate.paired_t import paired_t


@pytest.mark.parametrize("site", ["gate_act", "mid"])
def test_score_is_the_paired_t_statistic(raw, context, site) -> None:
    found = PairedTLocator(site=site).score(context)
    assert found.site == site
    torch.testing.assert_close(found.scores, reference.table(raw, reference.paired_t, site))


def test_it_agrees_with_scipy(raw, context) -> None:
    expected = scipy.stats.ttest_rel(raw.responses("mid", 0), raw.responses("mid", 1)).statistic
    torch.testing.assert_close(PairedTLocator().score(context).scores, torch.from_numpy(expected))


def test_neurons_that_do_not_vary_score_zero() -> None:
    raw = reference.RawContrast.random(1)
    for positive, negative in raw.answers["mid"]:
        positive[:, 0, :], negative[:, 0, :] = 0.1, 0.3
        positive[:, 1, :] = negative[:, 1, :] = 0.0
    statistics = raw.statistics()
    found = paired_t(statistics.paired_mean["mid"], statistics.paired_spread["mid"], statistics.pairs)
    assert (found[:2] == 0).all()
    assert (found[2] != 0).all()


def test_one_pair_is_too_few(context) -> None:
    few = replace(context.statistics, pairs=1)
    with pytest.raises(UserError, match=r"locate=paired_t needs at least 2 questions .* found 1"):
        PairedTLocator().score(replace(context, statistics=few))
    mean = torch.from_numpy(np.ones((2, 3)))
    assert paired_t(mean, mean, 1).isnan().all()


def test_an_unknown_site_is_refused() -> None:
    with pytest.raises(UserError, match=r"locate\.site=preact: expected one of gate_act, mid"):
        PairedTLocator(site="preact")

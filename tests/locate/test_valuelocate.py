import torch

from tests.reference import locate_statistics as reference
from valuelocate.locate import ValueLocateLocator


def test_score_is_the_difference_of_activation_probabilities(raw, context) -> None:
    found = ValueLocateLocator().score(context)
    torch.testing.assert_close(found.scores, reference.table(raw, reference.delta))


def test_scores_say_where_they_come_from(context) -> None:
    found = ValueLocateLocator().score(context)
    assert (found.site, found.kind, found.locator) == ("gate_act", "activation", "valuelocate")
    assert (found.value, found.fingerprint, found.data_hash) == ("openness_to_change", "model", "data")
    assert found.in_scope is context.in_scope


def test_swapping_the_poles_turns_the_sign(raw, context) -> None:
    swapped = reference.RawContrast(
        {site: [(negative, positive) for positive, negative in rows] for site, rows in raw.answers.items()}
    )
    torch.testing.assert_close(swapped.statistics().delta, -context.statistics.delta)

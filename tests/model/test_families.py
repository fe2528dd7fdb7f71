"""Every family of the table: neurons against plain loops, batching, editing in both modes, the contract."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.reference.ffn_reference import FORMULAS, neurons_by_hand, output_by_hand
from tests.tiny_models import FAMILIES, VOCABULARY, tiny_random
from valuelocate.model import LanguageModel, TokenBatch, read_neurons, write_neurons
from valuelocate.model.contract import check_contract
from valuelocate.model.ffn import family_of, ffn_output_from_neurons, known_model_types
from valuelocate.model.hooks import HOOKED_SITES
from valuelocate.model.positions import EDIT_POSITIONS, EditPositions
from valuelocate.neurons import Site

PROMPTS = [[7, 30, 41, 52], [9, 60, 33, 12, 13, 200, 17, 80, 99], [11]]
ANSWERS = [[20, 21, 22], [40, 41, 42, 43, 44], [50, 51]]


@cache
def model_of(family: str) -> LanguageModel:
    return tiny_random(family, check=False)


@pytest.fixture(params=sorted(FAMILIES))
def lm(request: pytest.FixtureRequest) -> LanguageModel:
    return model_of(request.param)


def read_rows(
    lm: LanguageModel, prompts: list[list[int]], answers: list[list[int]]
) -> dict[tuple[int, Site], list[Tensor]]:
    """Neurons of each row without its padding."""
    batch = TokenBatch.build(prompts, answers, lm.pad_id)
    lengths = (batch.prompt_lengths + batch.answer_lengths).tolist()
    found: dict[tuple[int, Site], list[Tensor]] = {}

    def reader(layer: int, site: Site, values: Tensor) -> None:
        found[layer, site] = [row[:length].clone() for row, length in zip(values, lengths, strict=True)]

    with read_neurons(lm, reader, sites=HOOKED_SITES, layers=range(lm.n_layers)):
        lm.forward(batch, head=False)
    return found


def captured(module: nn.Module, lm: LanguageModel, row: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """What goes into and comes out of a module for one row, [token, any], by hooks of the test's own."""
    seen: list[np.ndarray] = []
    handle = module.register_forward_hook(
        lambda _m, args, out: seen.extend(t.detach().double().flatten(0, -2).numpy() for t in (args[0], out))
    )
    lm.model(input_ids=torch.tensor([row]), use_cache=False)
    handle.remove()
    return seen[0], seen[1]


def test_table_and_tests_name_the_same_families() -> None:
    tested = {name.removesuffix("_alibi") for name in FAMILIES}
    shells = {"gemma3", "gemma4", "qwen3_5"}
    assert tested | shells == set(known_model_types())
    assert len(known_model_types()) == len(set(known_model_types()))
    assert set(FORMULAS) == set(FAMILIES) - {"apertus"}


def test_contract_holds(lm: LanguageModel) -> None:
    rows = check_contract(lm)
    assert len(rows) == 8
    assert [row for row in rows if row.required and not row.ok] == []
    assert rows[-1].ok == (lm.name != "apertus")


@pytest.mark.parametrize("family", sorted(FORMULAS))
def test_both_sites_and_write_vectors_equal_plain_loops(family: str) -> None:
    lm, formula = model_of(family), FORMULAS[family]
    row = PROMPTS[0] + ANSWERS[0]
    weights = {name: t.double().numpy() for name, t in lm.model.state_dict().items()}
    found = read_rows(lm, PROMPTS, ANSWERS)
    for layer in range(lm.n_layers):
        block = formula.layer.format(layer)
        inputs, _ = captured(lm.model.get_submodule(block + formula.reading), lm, row)
        _, written = captured(lm.model.get_submodule(block + formula.down), lm, row)
        active, mid = neurons_by_hand(formula, weights, layer, inputs)
        # Single precision against double, and a padded batch against a single row.
        close = {"rtol": 1e-4, "atol": 1e-5}
        torch.testing.assert_close(found[layer, "gate_act"][0].double(), torch.from_numpy(active), **close)
        torch.testing.assert_close(found[layer, "mid"][0].double(), torch.from_numpy(mid), **close)
        by_hand = torch.from_numpy(output_by_hand(formula, weights, layer, mid))
        torch.testing.assert_close(by_hand, torch.from_numpy(written), **close)
        made = ffn_output_from_neurons(lm.ffn, layer, found[layer, "mid"][0])
        torch.testing.assert_close(made.double(), by_hand, **close)


def test_rows_read_together_are_rows_read_alone(lm: LanguageModel) -> None:
    together = read_rows(lm, PROMPTS, ANSWERS)
    for index in range(len(PROMPTS)):
        alone = read_rows(lm, [PROMPTS[index]], [ANSWERS[index]])
        for key, [values] in alone.items():
            # Other batch shapes add in another order.
            torch.testing.assert_close(together[key][index], values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("positions", EDIT_POSITIONS)
def test_an_edit_acts_alike_in_generation_and_in_teacher_forcing(
    lm: LanguageModel, positions: EditPositions
) -> None:
    steps = 5
    for site in HOOKED_SITES:
        edit = {0: lambda rows: 0.5 * rows + 0.2, lm.n_layers - 1: lambda rows: rows - 0.3}
        with write_neurons(lm, edit, site=site, positions=positions):
            generated = lm.generate_steps(PROMPTS, steps=steps)
            batch = TokenBatch.build(PROMPTS, generated.tokens, lm.pad_id)
            read = lm.forward(batch)
        plain = lm.forward(batch)
        for index, prompt in enumerate(PROMPTS):
            places = slice(len(prompt) - 1, len(prompt) - 1 + steps)
            torch.testing.assert_close(generated.logits[index], read[index, places], rtol=1e-3, atol=1e-4)
            moved = (read[index, places] - plain[index, places]).abs().amax(dim=-1) > 1e-3
            # `generated` leaves the choice of the first answer token alone; the others do not.
            assert moved[0] == (positions != "generated")
            assert moved[1:].all()


def test_greedy_answers_do_not_depend_on_the_batch(lm: LanguageModel) -> None:
    together = lm.generate_ids(PROMPTS, max_new_tokens=6)
    alone = [lm.generate_ids([prompt], max_new_tokens=6)[0] for prompt in PROMPTS]
    assert together == alone
    assert all(token < VOCABULARY for answer in together for token in answer)


def test_leaving_a_with_restores_the_model_bit_for_bit(lm: LanguageModel) -> None:
    batch = TokenBatch.build(PROMPTS, ANSWERS, lm.pad_id)
    before = lm.forward(batch)
    edit = {layer: lambda rows: rows * 2 for layer in range(lm.n_layers)}
    with write_neurons(lm, edit, site="mid", positions="all"):
        assert not torch.equal(lm.forward(batch), before)
    with write_neurons(lm, {}, site="mid", positions="response"):
        assert torch.equal(lm.forward(batch), before)
    assert torch.equal(lm.forward(batch), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lm.model.modules())


def test_plain_families_have_one_tensor_for_both_sites(lm: LanguageModel) -> None:
    family = family_of(lm.model.config.model_type)
    assert family is not None
    assert lm.ffn.plain == bool(family.read)
    found = read_rows(lm, PROMPTS, ANSWERS)
    same = all(torch.equal(a, b) for a, b in zip(found[0, "gate_act"], found[0, "mid"], strict=True))
    assert same == lm.ffn.plain

"""The theory file and what is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from valuelocate.errors import MistakesError, UserError
from valuelocate.values import Value, load_theory

SHIPPED = Path(__file__).parent.parent / "valuelocate" / "theories" / "schwartz.yaml"


def angle(value: Value) -> float:
    assert value.angle is not None
    return value.angle


@pytest.fixture
def raw() -> dict:
    return yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))


def written(raw: dict, tmp_path: Path) -> str:
    path = tmp_path / "theory.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return str(path)


def test_schwartz_has_four_values_over_ten():
    theory = load_theory("schwartz")
    assert theory.hierarchy == ("higher_order", "basic", "refined")
    assert len(theory.targets()) == 4
    assert sorted(len(theory.members(value.id)) for value in theory.targets()) == [2, 2, 3, 3]
    assert [sum(theory.depth(value.id) == depth for value in theory.values) for depth in range(3)] == [
        4,
        10,
        13,
    ]
    assert theory.column("power") == "basic_value" and theory.column("power_resources") == "refined_value"


def test_basic_values_are_equally_spaced_and_parents_lie_amid_their_members():
    theory = load_theory()
    angles = sorted(angle(value) for value in theory.values if theory.depth(value.id) == 1)
    assert angles == [36.0 * step for step in range(10)]
    for value in theory.targets():
        members = [angle(member) for member in theory.members(value.id)]
        assert angle(value) == pytest.approx(sum(members) / len(members))


def test_opposites_stand_half_a_circle_apart():
    theory = load_theory()
    for value in theory.values:
        for other in value.opposite:
            assert abs(angle(value) - angle(theory.value(other))) == pytest.approx(180)


@pytest.mark.parametrize(
    "name", ["openness", "openness_to_change", "Openness to Change", " OPENNESS-to change "]
)
def test_a_value_resolves_by_any_of_its_names(name):
    assert load_theory().resolve(name).id == "openness_to_change"


def test_a_basic_value_resolves():
    assert load_theory().resolve("self direction").id == "self_direction"


def test_an_unknown_value_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match=r"value=opennes.*did you mean openness"):
        load_theory().resolve("opennes")
    with pytest.raises(UserError, match="has no value 'openness'"):
        load_theory().value("openness")


def test_peers_are_of_one_level_with_the_opposite_last():
    theory = load_theory()
    for value in theory.values:
        peers = theory.peers(value.id)
        assert value not in peers
        assert {theory.depth(peer.id) for peer in peers} == {theory.depth(value.id)}
        assert peers[-1].id in value.opposite or not value.opposite


def test_neighbours_come_before_the_far_side():
    theory = load_theory()
    home = angle(theory.value("stimulation"))
    gaps = [abs(angle(peer) - home) % 360 for peer in theory.peers("stimulation")]
    distances = [min(gap, 360 - gap) for gap in gaps]
    assert distances == sorted(distances)


def test_a_theory_of_ones_own_is_read_from_a_file(raw, tmp_path):
    raw["id"] = "mine"
    assert load_theory(written(raw, tmp_path)).id == "mine"


def test_a_missing_theory_names_the_key():
    with pytest.raises(UserError, match=r"theory.name=schwarz.*did you mean schwartz"):
        load_theory("schwarz")


def test_all_mistakes_of_a_theory_are_told_at_once(raw, tmp_path):
    raw["geometry"] = "line"
    raw["values"][0]["opposite"] = ["nowhere"]
    raw["values"].append(dict(raw["values"][-1]))
    with pytest.raises(MistakesError) as error:
        load_theory(written(raw, tmp_path))
    told = str(error.value)
    assert "expected circle or none" in told
    assert "refers to 'nowhere'" in told
    assert "'universalism_tolerance' occurs twice" in told
    assert "names 'openness_to_change' as its opposite, but not the other way round" in told


def test_a_value_below_the_named_levels_is_told(raw, tmp_path):
    raw["hierarchy"] = ["higher_order", "basic"]
    with pytest.raises(MistakesError, match="'power_dominance' lies 2 levels deep; hierarchy names 2 levels"):
        load_theory(written(raw, tmp_path))


def test_a_circle_needs_angles(raw, tmp_path):
    raw["values"][0]["angle"] = None
    with pytest.raises(MistakesError, match="'openness_to_change' has no angle"):
        load_theory(written(raw, tmp_path))


@pytest.mark.parametrize("content", ["values: [", "id: x\n", "[]", "values: 3\nid: x"])
def test_an_unreadable_theory_file_is_a_user_error(content, tmp_path):
    path = tmp_path / "theory.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="cannot be read"):
        load_theory(str(path))


def test_a_theory_without_a_circle_needs_no_angles(raw, tmp_path):
    raw["geometry"] = "none"
    for value in raw["values"]:
        value["angle"] = None
    theory = load_theory(written(raw, tmp_path))
    assert len(theory.peers("conservation")) == 3

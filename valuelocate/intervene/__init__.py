"""Intervening: edits that push a model towards or away from a value, and their dose."""

from valuelocate.intervene.base import Direction, Edit, Intervention
from valuelocate.intervene.calibrate import Dose, DosePoint, choose_dose
from valuelocate.intervene.operators import LayerOperator
from valuelocate.intervene.scale import ScaleIntervention
from valuelocate.intervene.shift import ShiftIntervention
from valuelocate.intervene.valuelocate import ValueLocateIntervention
from valuelocate.intervene.zero import ZeroIntervention

__all__ = [
    "Direction",
    "Dose",
    "DosePoint",
    "Edit",
    "Intervention",
    "LayerOperator",
    "ScaleIntervention",
    "ShiftIntervention",
    "ValueLocateIntervention",
    "ZeroIntervention",
    "choose_dose",
]

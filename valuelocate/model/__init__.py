"""Models: loading, the table of FFN families, hooks and prompts."""

from valuelocate.model.batch import TokenBatch
from valuelocate.model.doctor import DoctorReport, examine
from valuelocate.model.hooks import HookMisfire, read_neurons, write_neurons
from valuelocate.model.language_model import LanguageModel
from valuelocate.model.loading import ModelSource, assemble
from valuelocate.model.prompts import PromptStyle

__all__ = [
    "DoctorReport",
    "HookMisfire",
    "LanguageModel",
    "ModelSource",
    "PromptStyle",
    "TokenBatch",
    "assemble",
    "examine",
    "read_neurons",
    "write_neurons",
]

"""Optional rewriting of composed questions: by rule, by a model here or behind a server, or from a file."""

from valuelocate.dataset.paraphrase.base import Answer, Constraints, Paraphraser, Request
from valuelocate.dataset.paraphrase.local import LocalParaphraser
from valuelocate.dataset.paraphrase.none import NoParaphraser
from valuelocate.dataset.paraphrase.ready import ReadyParaphraser
from valuelocate.dataset.paraphrase.rules import RuleParaphraser
from valuelocate.dataset.paraphrase.server import ServerParaphraser

__all__ = [
    "Answer",
    "Constraints",
    "LocalParaphraser",
    "NoParaphraser",
    "Paraphraser",
    "ReadyParaphraser",
    "Request",
    "RuleParaphraser",
    "ServerParaphraser",
]

"""One self-contained HTML file: every text escaped, scripts inlined once, nothing from a network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from valuelocate.report import numbers
from valuelocate.store import write_atomically

_TEMPLATES = files("valuelocate.report") / "templates"


def write_html(path: Path, template: str, figures: Mapping[str, go.Figure], **context: Any) -> Path:
    """Render a template with figures into one file that needs no network, whole or not at all.

    Args:
        path: the file to write.
        template: name of a template of this package.
        figures: drawn where the template asks for them by name.
        **context: what the template shows.

    Raises:
        UserError: the file cannot be written.
    """
    text = render(template, figures, **context)
    # A lone surrogate, which JSON can carry, has no UTF-8; it becomes a question mark.
    content = text.encode("utf-8", errors="replace")
    write_atomically(path, lambda temporary: _write(temporary, content))
    return path


def render(template: str, figures: Mapping[str, go.Figure], **context: Any) -> str:
    """Return a template's HTML; scripts run only if their hash is the one stated in the page's head."""
    scripts = (get_plotlyjs(), _asset("page.js")) if figures else (_asset("page.js"),)
    allowed = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(
            figures={name: json.loads(figure.to_json()) for name, figure in figures.items()},
            # Both are our own files and hold no closing tag.
            style=Markup(_asset("page.css")),
            scripts=[Markup(script) for script in scripts],
            policy=policy,
            **context,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("valuelocate.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("plain", "signed", "interval", "span", "percent", "probability", "dose", "count", "duration")
    environment.globals |= {name: getattr(numbers, name) for name in names}
    return environment


def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)

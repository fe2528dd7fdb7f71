"""What every row of a release says of itself."""

from typing import Final

VERSION: Final = "1.0.0"
LICENSE: Final = "CC-BY-4.0"
LANGUAGE: Final = "en"

"""The entry of a checkout: `python run.py` does what the installed `valuelocate` does."""

from valuelocate.cli import main

if __name__ == "__main__":
    main()

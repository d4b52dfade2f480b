"""Benchmarks: Haversack beside aiohttp's own floor and beside the design it replaces, in one run.

``python -m benchmarks`` starts everything, measures, prints and writes the results; README.md
beside this file says how to read them.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

"""Take the README's picture from a running demo: `make demo`, then this."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.demo import FOLDER, ROOT, USER
from tests.e2e.lab import NotebookPage, log_in, open_browser
from tests.stack.hub import HubSettings

TARGET = ROOT / "docs/images/notebook.png"
_NOTEBOOK = "first-steps.ipynb"
_IMPORT, _RUN, _PICTURE, _REPLICAS = 1, 5, 7, 9
"""Cells of it."""


def main() -> int:
    """Run the first notebook and take a picture while it runs; returns the exit status."""
    settings = HubSettings.read(FOLDER)
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1360, "height": 1060})
        page.set_default_timeout(60_000)
        target = f"%2Ftree%2F{_NOTEBOOK}"
        log_in(page, settings.url, USER, settings.password, target)
        notebook = NotebookPage(page, _NOTEBOOK)
        for cell in (_IMPORT, _RUN, _PICTURE):
            notebook.run(cell)
        executions = Path("CCP/executions")
        home = settings.folder / "homes" / USER
        latest = max((home / executions).iterdir(), key=lambda path: path.stat().st_mtime)
        notebook.files(str(latest.relative_to(home) / "output"))
        news = page.get_by_role("button", name="No", exact=True)
        if news.is_visible():
            news.click()
        notebook.start(_REPLICAS)
        notebook.wait_output(_REPLICAS, "execute")
        notebook.cell(_RUN).evaluate("cell => cell.scrollIntoView({block: 'start'})")
        page.wait_for_timeout(700)
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=TARGET)
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

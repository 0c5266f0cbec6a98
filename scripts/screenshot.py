"""Take the README's picture from a running demo: `make demo`, then this."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.demo import FOLDER, ROOT, USER
from tests.e2e.lab import NotebookPage, log_in, open_browser
from tests.stack.hub import HubSettings

TARGET = ROOT / "docs/images/notebook.png"
_NOTEBOOK = "first-steps.ipynb"
_RUN = 5
"""Index of the cell that runs the Method and waits."""


def main() -> int:
    """Run the first notebook up to its results and take a picture; returns the exit status."""
    settings = HubSettings.read(FOLDER)
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1360, "height": 860})
        page.set_default_timeout(60_000)
        target = f"%2Ftree%2F{_NOTEBOOK}"
        log_in(page, settings.url, USER, settings.password, target)
        notebook = NotebookPage(page, _NOTEBOOK)
        for cell in (1, _RUN, _RUN + 2, _RUN + 3):
            notebook.run(cell)
        executions = Path("CCP/executions")
        home = settings.folder / "homes" / USER
        latest = max((home / executions).iterdir(), key=lambda path: path.stat().st_mtime)
        notebook.files(str(latest.relative_to(home) / "output"))
        notebook.cell(_RUN).scroll_into_view_if_needed()
        page.wait_for_timeout(1500)
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=TARGET)
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

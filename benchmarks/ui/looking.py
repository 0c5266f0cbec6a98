"""What somebody feels in front of a list: how soon it is there, how it scrolls, how it filters."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Page

from benchmarks import methods
from benchmarks.setting import USER, Setting
from tests.e2e.lab import log_in, open_browser, open_view

_STEPS, _PIXELS = 300, 120  # a notch of the mouse wheel in each frame
_SCROLL = """async ([panel, steps, pixels]) => {
  const list = document.querySelector(`#${panel} .ccp-List`);
  const frames = [];
  list.scrollTop = 0;
  for (let down = true, step = 0, last = performance.now(); step < steps; step++) {
    const before = list.scrollTop;
    list.scrollTop += down ? pixels : -pixels;
    if (list.scrollTop === before) down = !down;
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames.slice(10);
}"""
_SETTLED = """async ([panel, rows]) => {
  // The list is as long as all of its rows, though it draws only those in sight.
  const end = Date.now() + 60000;
  for (let same = 0, last = -1; same < 20; ) {
    if (Date.now() > end) throw new Error(`not ${rows} rows after a minute`);
    const {scrollHeight} = document.querySelector(`#${panel} .ccp-List`);
    same = scrollHeight === last && scrollHeight > rows * 20 ? same + 1 : 0;
    last = scrollHeight;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}"""
_SEEN = """async ([panel, id, status]) => {
  const row = `#${panel} [data-execution="${id}"] [data-status="${status}"]`;
  const end = Date.now() + 60000;
  while (!document.querySelector(row)) {
    if (Date.now() > end) throw new Error(`not ${status} after a minute`);
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return Date.now();
}"""
_TYPE = """async ([panel, text]) => {
  const field = document.querySelector(`#${panel} input[type=search]`);
  const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
  const frames = [];
  for (const part of [...text].map((_, n) => text.slice(0, n + 1)).concat('')) {
    const begin = performance.now();
    value.set.call(field, part);
    field.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - begin);
  }
  return frames;
}"""


@dataclass(frozen=True)
class Look:
    """What was felt once; milliseconds.

    Attributes
    ----------
    first : float
        From asking for the view, in a page that is there, to its first row.
    frame : float
        The 95th percentile of the time from one frame to the next while somebody scrolls far.
    key : float
        The median time from a key in the search field until the page is drawn again.
    """

    first: float
    frame: float
    key: float


@contextmanager
def lab(setting: Setting) -> Iterator[Page]:
    """Log in with a browser of its own."""
    with open_browser() as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        password = str(setting.stack.document["password"])
        log_in(page, setting.stack.hub_url, USER, password, "?reset")
        page.wait_for_function("window.jupyterapp")
        page.evaluate("window.jupyterapp.restored")
        yield page


def look(setting: Setting, view: str, text: str, rows: int) -> Look:
    """Open a view in a new page, scroll far, and search.

    Parameters
    ----------
    view : str
        ``methods`` or ``monitor``.
    text : str
        To be typed into the search field.
    rows : int
        How many the view has when it has everything.
    """
    with lab(setting) as page:
        begun = time.monotonic()
        panel = open_view(page, view)
        panel.get_by_role("treeitem").nth(1).wait_for()
        first = (time.monotonic() - begun) * 1000
        page.evaluate(_SETTLED, [f"test-{view}", rows])
        frames = page.evaluate(_SCROLL, [f"test-{view}", _STEPS, _PIXELS])
        keys = page.evaluate(_TYPE, [f"test-{view}", text])
    return Look(first, statistics.quantiles(frames, n=20)[-1], statistics.median(keys))


def seen(setting: Setting, rounds: int) -> list[float]:
    """Return how long after an Execution's end the open monitor shows it; milliseconds.

    From the time of the event that the service stored, by the same clock.
    """
    found = []
    with lab(setting) as page, setting.client() as client:
        open_view(page, "monitor").get_by_role("treeitem").nth(1).wait_for()
        for _ in range(rounds):
            execution = client.run(methods.TRIVIAL)
            at = page.evaluate(_SEEN, ["test-monitor", execution.id, "successful"])
            ended = execution.refresh().finished
            assert ended is not None
            found.append(at - ended.timestamp() * 1000)
    return found

"""RabbitMQ's management UI in a browser: going where a person would go, and cutting out what is to be seen.

Law: the pictures show the UI as it is; nothing is drawn into them or taken out but by its own means.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

#: More than any page has: bodies of messages are one line, and the head of the UI stays in place when it is scrolled.
WIDTH = 1900
HEIGHT = 2400
COLOURS = 64
MARGIN = 12
#: The UI asks the server every five seconds.
REFRESH_MS = 6000
#: Parts of a page are opened and closed slowly, for the eye.
DRAW_MS = 1500

#: What the button +/- at the right of a table would set: who consumes is seen, rates are not.
COLUMNS = {
    "column-queues-consumers": "true",
    "column-queues-features": "false",
    "column-queues-rate-incoming": "false",
    "column-queues-rate-deliver": "false",
    "column-queues-rate-ack": "false",
}


class ManagementUI:
    def __init__(self, page: Page, base: str, pictures: Path) -> None:
        self._page = page
        self._base = base
        self._pictures = pictures

    def queues(self, pattern: str, *, fullest_first: bool = False) -> None:
        """The list of queues, those whose names match."""
        self._go("queues")
        self._page.check("#queues-filter-regex-mode")
        self._page.wait_for_timeout(DRAW_MS)
        self._page.fill("#queues-name", pattern)
        self._page.press("#queues-name", "Enter")
        self._page.wait_for_timeout(REFRESH_MS)
        for _ in range(2 if fullest_first else 0):
            self._page.click("a.sort[sort=messages_ready]")
            self._page.wait_for_timeout(REFRESH_MS)

    def queue(self, name: str) -> None:
        self._go(f"queues/%2F/{quote(name, safe='')}")
        self._turn("Overview", opened=False)

    def connections(self) -> None:
        self._go("connections")

    def open(self, section: str) -> None:
        self._turn(section, opened=True)

    def get_messages(self, count: int) -> None:
        """Look at the first messages, which go back to where they were."""
        self.open("Get messages")
        self._page.fill("input[name=count]", str(count))
        self._page.click("input[value='Get Message(s)']")
        self._page.wait_for_selector("#msg-wrapper .box")
        self._page.wait_for_timeout(DRAW_MS)

    def picture(self, name: str, shown: str, widest: int = 1000) -> None:
        """From the title of the page to the end of what is shown, and of its width only so much."""
        title, last = (self._page.locator(each).last.bounding_box() for each in ("#main h1", shown))
        if title is None or last is None:
            raise SystemExit(f"screenshots: there is nothing to see of {name}")
        clip: FloatRect = {
            "x": last["x"] - MARGIN,
            "y": title["y"] - MARGIN,
            "width": min(last["width"], widest) + 2 * MARGIN,
            "height": last["y"] + last["height"] - title["y"] + 2 * MARGIN,
        }
        _save(self._page.screenshot(clip=clip), self._pictures / f"{name}.png")

    def _turn(self, section: str, *, opened: bool) -> None:
        """The UI remembers which parts of a page are open, also on the pages of other queues."""
        if self._page.is_visible(f"{titled(section)} > .hider") != opened:
            self._page.click(f"{titled(section)} > h2")
            self._page.wait_for_timeout(DRAW_MS)

    def _go(self, place: str) -> None:
        self._page.goto(f"{self._base}/#/{place}")
        self._page.wait_for_timeout(REFRESH_MS)


def titled(section: str) -> str:
    """A selector of the part of a page that has this heading."""
    return f"#main div:has(> h2:text-matches('^\\\\s*{section}'))"


@contextmanager
def management_ui(url: str, pictures: Path) -> Iterator[ManagementUI]:
    """Logged in to the UI at *url*, which has user and password."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(base)
        for name, value in COLUMNS.items():
            page.evaluate("([name, value]) => localStorage.setItem(`rabbitmq.${name}`, value)", [name, value])
        page.fill("input[name=username]", unquote(parts.username or ""))
        page.fill("input[name=password]", unquote(parts.password or ""))
        page.click("input[type=submit]")
        page.wait_for_selector("#main h1")
        yield ManagementUI(page, base, pictures)
        browser.close()


def _save(png: bytes, path: Path) -> None:
    """In few colours: a table needs no more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path.relative_to(path.parents[2])}: {path.stat().st_size // 1000 + 1} kB")

"""The status page in a browser: it fits a telephone, can be read in light and dark, and keeps the place."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.runtime.decisions import Decisions
from addons.runtime.outcomes import ObjectRef
from addons.runtime.web import StatusServer
from tests.support.browser import CHROMIUM, Page, browser
from tests.support.until import until

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/k8s-shop-web/6d0ecf831eec9f09"
HOST = f"host {'a' * 63}.example.com"
STATE: dict[str, Any] = {
    "daemon": "sample",
    "leads": False,
    "leader": "aws-sample-6d9f7c5b8-x2x7k",
    "awsIdentity": f"arn:aws:sts::123456789012:assumed-role/{'a-long-name-' * 5}/i-0123456789abcdef0",
    "degraded": [{"side": "aws", "about": ARN, "reason": "AccessDenied", "message": "x" * 200}],
    "dryRun": True,
    "lastPass": "2026-01-02T03:04:05Z",
    "names": ["one", "another"],
    "interfaces": [{"interface": "eni-4fc82b26aecb47d28", "use": "###++~....", "assigned": 3, "free": 2}],
    "rules": [
        {"state": "ok", "rule": HOST, "leadsTo": ARN, "ingress": "shop/web"},
        {"state": "BROKEN: answers 503", "rule": HOST, "leadsTo": "y" * 100, "ingress": "shop/late"},
    ],
    "pods": [{"pod": f"shop/web-{number}", "verdict": "granted"} for number in range(150)],
    "settings": {"domainFilter": ["example.com", "example.org"], "policy": "sync"},
}

WORST_CONTRAST = """(() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const found = channels(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  const look = (element, style, text) => {
    const [a, b] = [light(channels(style.color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < worst[0]) worst = [contrast, text];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    if (walker.currentNode.data.trim()) {
      const element = walker.currentNode.parentElement;
      look(element, getComputedStyle(element), walker.currentNode.data);
    }
  for (const cell of document.querySelectorAll("td"))
    look(cell, getComputedStyle(cell, "::before"), "before " + cell.dataset.head);
  for (const field of document.querySelectorAll("input"))
    look(field, getComputedStyle(field, "::placeholder"), field.placeholder);
  return worst;
})()"""
"""By the formula of WCAG 2.2; its level AA asks for 4.5 of text."""

SIZES = "[document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    if not CHROMIUM:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium; apt-get install chromium")
    async with browser(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def served(complaint: str = "services are not synced") -> AsyncIterator[str]:
    """The URL of a page on which there is everything."""
    decisions, stopping = Decisions(), asyncio.Event()
    about = ObjectRef("Service", "shop", "web")
    for number in range(40):
        told = f"created A {'long-name.' * number}example.com -> 192.0.2.1"
        decisions.record(key="Z1", ref=about, action="create", reason="RecordReady", message=told)
    server = StatusServer(
        "127.0.0.1:0", name="sample", ready=lambda: complaint, state=lambda: STATE, decisions=decisions
    )
    serving = asyncio.create_task(server.serve(stopping))
    host, port = await until(lambda: server.address)
    yield f"http://{host}:{port}/"
    stopping.set()
    await serving


async def test_it_can_be_read_on_a_telephone_and_on_a_desk_in_light_and_in_the_dark(page: Page) -> None:
    """On the former rows are cards, with a word before each cell."""
    shown = "getComputedStyle(document.querySelector('thead')).display"
    before = "getComputedStyle(document.querySelector('td'), '::before').content"
    async with served() as url:
        for width in (360, 800, 1200):
            for is_dark in (False, True):
                await page.look(width=width, dark=is_dark)
                await page.open(f"{url}?still=1")
                content, screen = await page.value(SIZES)
                assert content <= screen == width
                contrast, text = await page.value(WORST_CONTRAST)
                assert contrast >= 4.5, f"{text!r} has {contrast:.1f} at {width} px, dark: {is_dark}"
            cards = await page.value(f"[{shown}, {before}]")
            assert cards == (["none", '"reason"'] if width == 360 else ["table-header-group", "none"])
        assert await page.value("document.title") == "sample: not ready"
        assert await page.value("document.scripts.length") == 0


async def test_it_is_made_anew_by_itself_and_keeps_the_place_and_what_is_looked_for(page: Page) -> None:
    made = "document.querySelector('footer time').textContent"
    async with served("") as url:
        await page.look(width=800, height=400)
        await page.open(f"{url}?q=shop")
        assert await page.value("document.title") == "sample: ready"
        await page.value("scrollTo(0, 500)")
        first = await page.value(made)

        async def is_another() -> bool:
            return bool(await page.value(f"document.readyState == 'complete' && {made} != {first!r}"))

        await until(is_another, "the page is made anew", pause=0.2)

        async def is_where_it_was() -> bool:
            place = await page.value("[scrollY, document.querySelector('input').value]")
            return bool(place == [500, "shop"])

        await until(is_where_it_was)


async def test_the_field_finds_a_row_far_down_and_a_link_tells_all_about_an_object(page: Page) -> None:
    async with served() as url:
        await page.look(width=800)
        await page.open(f"{url}?still=1")
        assert "web-149" not in await page.value("document.body.innerText")
        await page.value("document.querySelector('input[type=search]').value = 'web-149'")
        await page.value("document.querySelector('button').click()")

        async def text() -> str:
            return str(await page.value("document.body ? document.body.innerText : ''"))

        async def is_found() -> bool:
            return "shop/web-149" in await text()

        await until(is_found)
        assert await page.value("document.querySelectorAll('td a').length") == 1
        await page.value("document.querySelector('td a').click()")

        async def is_about_it() -> bool:
            return "Newest decisions on pod/shop/web-149" in await text()

        await until(is_about_it)

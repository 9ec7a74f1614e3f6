"""Looks at a page with axe."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# What still fades in has other colours; what turns for ever never ends. A fade may begin only with the next
# frames, as after a change of the mode or an answer of the server. Not ``wait_for_function``: the policy of
# our pages forbids the ``eval`` that it uses.
STILL = """async () => {
  const ends = a => a.playState === 'running' && a.effect.getComputedTiming().iterations !== Infinity;
  for (let calm = 0; calm < 5;) {
    await new Promise(requestAnimationFrame);
    const fading = document.getAnimations().filter(ends);
    calm = fading.length ? 0 : calm + 1;
    await Promise.allSettled(fading.map(a => a.finished));
  }
}"""


def findings(page: Page, *, touch: bool = False) -> list[str]:
    """What axe complains about; with ``touch`` also what is too small for a finger (WCAG 2.5.8)."""
    options = {"rules": {"target-size": {"enabled": True}}} if touch else {}
    page.evaluate(STILL)
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]

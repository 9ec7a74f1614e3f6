"""Where a thing stands on the screen once it has come to rest."""

from playwright.sync_api import FloatRect, Locator

# Its own animations and those of what it stands in; a spinner never ends, and moves nothing.
AT_REST = """async (element) => {
    const moving = [];
    for (let at = element; at; at = at.assignedSlot || at.parentElement || at.getRootNode().host)
        moving.push(...at.getAnimations());
    const ends = (each) => each.effect.getComputedTiming().endTime < Infinity;
    await Promise.allSettled(moving.filter(ends).map((each) => each.finished));
}"""


def box_of(locator: Locator) -> FloatRect:
    """In CSS pixels, from the view's upper left corner."""
    locator.evaluate(AT_REST)
    box = locator.bounding_box()
    assert box is not None
    return box

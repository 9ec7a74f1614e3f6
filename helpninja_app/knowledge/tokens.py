"""Owns the estimate of how many tokens a text costs, where an exact count is not worth its price."""

from __future__ import annotations

import re

# Scripts without spaces: about one token for each character.
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)


def estimate_tokens(text: str) -> int:
    """Tokens of ``text``: four ASCII characters, two of another alphabet, or one of a dense script make one.

    Within a quarter of the default embedder's word pieces for English prose; linear.
    """
    if text.isascii():
        return -(-len(text) // 4)
    ascii_count = len(text.encode("ascii", "ignore"))
    dense = len(_DENSE.findall(text))
    other = len(text) - ascii_count - dense
    return -(-(ascii_count + 2 * other + 4 * dense) // 4)

"""People as their initials on a quiet colour that is always the same for the same name."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx
from reflex_base.vars.base import LiteralVar, VarData

AvatarSize = Literal["small", "normal", "large"]

_SIZES: dict[AvatarSize, str] = {
    "small": "size-6 text-tiny",
    "normal": "size-7 text-small",
    "large": "size-10 text-body",
}
_SHADES = (
    "bg-jade-soft text-jade",
    "bg-blue-soft text-blue",
    "bg-violet-soft text-violet",
    "bg-sand-soft text-sand",
    "bg-rose-soft text-rose",
)
# The first letters of the first and the last word; of an address, of the part before the @.
_INITIALS = (
    r'((n)=>{const w=n.split("@")[0].split(/[\s._+-]+/).filter(Boolean);'
    r'return ([...(w[0]??"?")][0]+(w.length>1?[...w.at(-1)][0]:"")).toUpperCase()})'
)
# FNV-1a, 32 bits.
_SHADE = (
    f"((n)=>[...n].reduce((h,c)=>Math.imul(h^c.codePointAt(0),0x01000193)>>>0,0x811c9dc5)%{len(_SHADES)})"
)


def avatar(name: Any, *, size: AvatarSize = "normal") -> rx.Component:
    """Decoration beside the name; ``name`` may be an e-mail address."""
    text = name if isinstance(name, rx.Var) else LiteralVar.create(name)
    return rx.el.span(
        _computed(_INITIALS, text, str),
        aria_hidden="true",
        class_name=rx.match(
            _computed(_SHADE, text, int),
            *((at, f"{_shape(size)} {shade}") for at, shade in enumerate(_SHADES)),
            f"{_shape(size)} {_SHADES[0]}",
        ),
    )


def _shape(size: AvatarSize) -> str:
    return f"inline-flex {_SIZES[size]} shrink-0 items-center justify-center rounded-full font-semibold"


def _computed(function: str, text: rx.Var[Any], kind: type) -> rx.Var[Any]:
    """What a function of the browser makes of ``text``: names come from state as well as from here."""
    expression = f'{function}({text!s}??"")'
    return rx.Var(_js_expr=expression, _var_data=VarData.merge(text._get_all_var_data())).to(kind)

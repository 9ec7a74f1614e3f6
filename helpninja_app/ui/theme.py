"""The design tokens of ``assets/styles/tokens.css`` under the names that Tailwind's classes use."""

from __future__ import annotations

from reflex_base.plugins.shared_tailwind import TailwindConfig

_ROLES = (
    "bg",
    "subtle",
    "raised",
    "border",
    "border-strong",
    "text",
    "muted",
    "faint",
    "accent",
    "accent-hover",
    "accent-text",
    "accent-soft",
    "on-accent",
    "bubble",
    "on-bubble",
    "success",
    "success-soft",
    "warning",
    "warning-soft",
    "danger",
    "danger-soft",
    "on-danger",
    "info",
    "info-soft",
    # Hues of avatars and figures; they mean nothing.
    "jade",
    "jade-soft",
    "blue",
    "blue-soft",
    "violet",
    "violet-soft",
    "sand",
    "sand-soft",
    "rose",
    "rose-soft",
    "backdrop",
)

TAILWIND: TailwindConfig = {
    "theme": {
        # Replaced, not extended: `text-red-500` or `text-[17px]`-like strays then do nothing or stand out.
        "colors": {"transparent": "transparent", "current": "currentColor"}
        | {role: f"var(--{role})" for role in _ROLES},
        "fontFamily": {"sans": "var(--font-sans)", "mono": "var(--font-mono)"},
        # name: (size, line height), as in the design: body 14/20, small 12/16, tables 13/18, chat 15/24.
        "fontSize": {
            "tiny": ["10px", "12px"],
            "small": ["12px", "16px"],
            "table": ["13px", "18px"],
            "body": ["14px", "20px"],
            "chat": ["15px", "24px"],
            "lead": ["17px", "28px"],
            "title": ["20px", "28px"],
            "stat": ["24px", "32px"],
            "heading": ["28px", "36px"],
            "display": ["44px", "50px"],
        },
        "fontWeight": {"normal": "400", "medium": "500", "strong": "550", "semibold": "600"},
        "borderRadius": {
            "chip": "6px",
            "control": "8px",
            "card": "12px",
            "bubble": "14px",
            "tail": "4px",
            "widget": "18px",
            "full": "9999px",
        },
        "boxShadow": {"float": "var(--shadow-float)", "none": "none"},
        "screens": {"phone": "480px", "tablet": "760px", "wide": "1100px"},
        "letterSpacing": {"title": "-0.012em", "display": "-0.024em"},
        "extend": {
            "maxWidth": {
                "page": "1120px",
                "reading": "760px",
                "form": "380px",
                "prose": "58ch",
                "dialog": "440px",
                "sheet": "420px",
                "wide-sheet": "640px",
                "palette": "580px",
            },
            "gridTemplateColumns": {
                "hero": "minmax(0, 1fr) 440px",
                "shell": "224px minmax(0, 1fr)",
            },
        },
    },
}

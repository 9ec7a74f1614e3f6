"""The API's own documentation: what FastAPI leaves out of OpenAPI, and a page for people."""

from __future__ import annotations

import html
import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

router = APIRouter(include_in_schema=False)

METHODS = ("get", "post", "patch", "put", "delete")
SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "hn_session"},
    "key": {"type": "http", "scheme": "bearer", "bearerFormat": "hn_sk_…"},
    "visitor": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
SECURED_BY = {"Knowledge": ("session", "key"), "Chat": ("visitor",), "Widget": ("visitor",)}
OPTIONAL = frozenset({"Chat", "Widget"})


def complete_schema(schema: dict[str, Any], problem: type[BaseModel]) -> dict[str, Any]:
    """Add the schema of problems, the header every response has, and who may call what."""
    components = schema.setdefault("components", {})
    definitions = problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(definitions.pop("$defs", {}))
    components["schemas"][problem.__name__] = definitions
    components["securitySchemes"] = SECURITY
    for path in schema["paths"].values():
        for method, operation in path.items():
            if method not in METHODS:
                continue
            for response in operation["responses"].values():
                response.setdefault("headers", {})["x-request-id"] = {"schema": {"type": "string"}}
                content = response.get("content", {})
                # FastAPI adds JSON beside the media type that errors really have.
                if "application/problem+json" in content:
                    content.pop("application/json", None)
            schemes = [name for tag in operation.get("tags", ()) for name in SECURED_BY.get(tag, ())]
            if schemes:
                is_optional = any(tag in OPTIONAL for tag in operation["tags"])
                operation["security"] = [{name: []} for name in schemes] + ([{}] if is_optional else [])
    return schema


@router.get("/api/docs")
async def documentation(request: Request) -> HTMLResponse:
    """The routes with their parameters, bodies and answers, readable without scripts."""
    return HTMLResponse(
        render(request.app.openapi()),
        headers={
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
            " form-action 'none'; frame-ancestors 'none'"
        },
    )


def render(schema: dict[str, Any]) -> str:
    """One HTML page for an OpenAPI description."""
    sections: list[str] = []
    links: list[str] = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method not in METHODS:
                continue
            anchor = operation["operationId"]
            name = f"{method.upper()} {path}"
            links.append(f'<li><a href="#{_text(anchor)}"><code>{_text(name)}</code></a></li>')
            sections.append(_operation(anchor, name, operation, schema))
    title = _text(schema["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>"
        f"<h1>{title} API {_text(schema['info']['version'])}</h1>"
        f"<p>{_text(schema['info']['description'])}</p>"
        '<p>Machine-readable: <a href="/api/openapi.json">/api/openapi.json</a>.'
        ' <a href="/">Front page</a>.</p>'
        f"<nav aria-label='Routes'><ul>{''.join(links)}</ul></nav>{''.join(sections)}</main></body></html>"
    )


def _operation(anchor: str, name: str, operation: dict[str, Any], schema: dict[str, Any]) -> str:
    parts = [f"<h2><code>{_text(name)}</code></h2><p>{_text(operation.get('description', ''))}</p>"]
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{_text(item['name'])}</code></td><td>{_text(item['in'])}</td>"
            f"<td>{'yes' if item.get('required') else 'no'}</td></tr>"
            for item in parameters
        )
        parts.append(f"<table><tr><th>Parameter</th><th>In</th><th>Required</th></tr>{rows}</table>")
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Body: {_text(kind)}</h3><pre>{_shape(media.get('schema', {}), schema)}</pre>")
    for status, response in operation["responses"].items():
        shapes = "".join(
            f"<pre>{_shape(media.get('schema', {}), schema)}</pre>"
            for kind, media in response.get("content", {}).items()
            if "problem" not in kind
        )
        parts.append(f"<h3>{_text(status)} {_text(response.get('description', ''))}</h3>{shapes}")
    return f'<section id="{_text(anchor)}">{"".join(parts)}</section>'


def _shape(part: dict[str, Any], schema: dict[str, Any]) -> str:
    name = part.get("$ref", "").rpartition("/")[2]
    shown = schema["components"]["schemas"].get(name, part)
    fields = {
        key: value.get("type") or value.get("const") or value.get("enum") or "see OpenAPI"
        for key, value in shown.get("properties", {}).items()
    }
    return _text(json.dumps(fields or shown.get("type", "any"), indent=2, ensure_ascii=False))


def _text(value: object) -> str:
    return html.escape(str(value))


# The colours and sizes of the pages' own tokens, which this page does without.
_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--subtle:#f7f8f7;--border:#e4e7e5;--text:#181c1a;--muted:#626b66;
--accent:#0b7a64;--accent-text:#0a6a57}
@media(prefers-color-scheme:dark){:root{--bg:#111413;--subtle:#161a18;--border:#272d2a;--text:#e9ecea;
--muted:#9aa39e;--accent:#2fb598;--accent-text:#4cc9ad}}
body{font:14px/24px "Inter Variable",ui-sans-serif,system-ui,sans-serif;margin:0;background:var(--bg);
color:var(--text);-webkit-text-size-adjust:100%}
main{max-width:960px;margin:0 auto;padding:32px 20px 96px;overflow-wrap:anywhere}
h1{font-size:20px;line-height:28px;font-weight:600;letter-spacing:-.012em;margin:0 0 8px}
h2{font-size:15px;font-weight:600;margin:0 0 4px}h3{font-size:13px;line-height:18px;font-weight:500;
color:var(--muted);margin:16px 0 4px}
section{border-top:1px solid var(--border);padding:20px 0}
a{color:var(--accent-text);text-underline-offset:3px;border-radius:6px}
a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
code,pre{font-family:ui-monospace,monospace}code{font-size:13px}
pre,table{background:var(--subtle);border:1px solid var(--border);border-radius:8px;padding:10px 12px;
font-size:13px;line-height:18px;margin:4px 0}
pre{white-space:pre-wrap}
table{border-spacing:0;width:100%}th,td{text-align:left;vertical-align:top;padding:3px 12px 3px 0}
th{color:var(--muted);font-weight:500}
p{max-width:760px}nav code{font-size:12px}nav li{break-inside:avoid}nav ul{columns:2;padding-left:18px}
@media(max-width:600px){nav ul{columns:1;padding-left:0;list-style:none}}
"""

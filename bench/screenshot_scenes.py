"""What stands in the demo before the pictures are taken: conversations, files, answers, rules."""

from __future__ import annotations

from typing import Any

import httpx

from helpninja_app.demo.workspace import PUBLIC_KEY
from tests.e2e.demo_server import DemoServer
from tests.loopback_site import LoopbackSite, answer

QUESTION = "How long do I have to return a jacket?"
CONVERSATIONS = (
    "Where is my parcel? It was due on Monday.",
    "What does shipping to Switzerland cost?",
    "Do you sell drones?",
    "Can I take a gas cartridge on a plane?",
    "How do I wash a down jacket?",
)
FILES = {
    "Returns policy 2026.md": "# Returns policy\n\nUnworn items come back within 60 days, in their box.\n",
    "Price list spring.csv": "article,price\nCairn shell,249\nFell tent,399\nBrook bottle,24\n",
    "Warranty handbook.txt": "Tents have five years of warranty, zips and poles two years.\n",
}
NOTES = {
    "Opening hours at Christmas": "# Christmas\n\nClosed from 25 to 27 December and on 1 January. The last "
    "day on which parcels leave in time for Christmas is 20 December.",
    "Who to ask about wholesale": "Jonas looks after shops that want to sell our things: orders of 20 pieces "
    "and more, 30 % off the price list. Never quote prices before he has seen the order.",
}
ANSWERS: tuple[tuple[str, list[str], str], ...] = (
    (
        "Do you deliver to the Shetland islands?",
        ["Can a parcel reach Lerwick?", "Delivery to Shetland"],
        "Yes, within **five** working days, for 9 euros. Tents and poles go by ship and take two weeks.",
    ),
    (
        "Can I speak to a real person?",
        [],
        "Of course. Write what it is about, and Mara or Jonas answers here.",
    ),
    (
        "Do you have a shop that I can visit?",
        ["Where is your store?"],
        "Yes, in Bern, Aarbergergasse 12, Tuesday to Saturday from 10 to 18 o'clock.",
    ),
    ("When does the winter sale begin?", ["Winter sale"], "On 8 January, in the shop and here at once."),
)
DESTINATIONS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "slack",
        "Support team",
        {"webhook_url": "{site}/services/T04FERN/B07HELP/kq2Xv91bTzRu", "channel": "#help"},
    ),
    ("discord", "Shop floor", {"webhook_url": "{site}/api/webhooks/1193/shop-floor-Wq7d"}),
    ("webhook", "Warehouse", {"url": "{site}/hooks/warehouse-9f2c", "secret": "a-secret-of-the-warehouse"}),
    ("teams", "Weekend shift", {"webhook_url": "{site}/workflows/weekend/invoke-41c7"}),
)
RULES: tuple[tuple[str, str, dict[str, Any], tuple[int, ...]], ...] = (
    (
        "Refunds",
        "escalate",
        {
            "match": "all",
            "conditions": [
                {"fact": "keyword", "operator": "any", "values": ["refund*", "money back", "chargeback"]},
                {
                    "match": "any",
                    "conditions": [
                        {
                            "fact": "time",
                            "operator": "between",
                            "from": "18:00",
                            "to": "08:00",
                            "days": ["fri", "sat"],
                        },
                        {"fact": "confidence", "operator": "below", "value": 0.7},
                        {"fact": "message_count", "operator": "at_least", "value": 4},
                    ],
                },
            ],
        },
        (0, 1),
    ),
    (
        "Checkout goes to the warehouse",
        "route",
        {
            "match": "any",
            "conditions": [{"fact": "page", "operator": "begins_with", "values": ["/checkout", "/cart"]}],
        },
        (2,),
    ),
    (
        "Nights",
        "notify",
        {"match": "all", "conditions": [{"fact": "time", "operator": "outside_business_hours"}]},
        (3,),
    ),
)


def converse(server: DemoServer) -> None:
    """What visitors asked before the picture of the dashboard is taken."""
    for number, question in enumerate(CONVERSATIONS):
        answer = httpx.post(
            f"{server.url}/api/chat",
            json={"tenantId": PUBLIC_KEY, "sessionId": f"picture-{number:03}", "message": question},
            headers={"origin": server.url},
            timeout=30,
        )
        answer.raise_for_status()


def furnish(server: DemoServer) -> None:
    """Files, notes, a page that is not there and curated answers, as a shop would have them."""
    with httpx.Client(
        base_url=server.url, headers={"authorization": f"Bearer {server.api_key}"}, timeout=60
    ) as client:
        for name, text in FILES.items():
            client.post("/api/upload", files={"file": (name, text.encode())}).raise_for_status()
        for title, text in NOTES.items():
            client.post("/api/notes", json={"title": title, "text": text}).raise_for_status()
        for question, phrasings, answer in ANSWERS:
            body = {"question": question, "phrasings": phrasings, "answer": answer}
            client.post("/api/curated-answers", json=body).raise_for_status()
        off = client.get("/api/curated-answers").raise_for_status().json()["answers"][-1]
        client.patch(f"/api/curated-answers/{off['id']}", json={"on": False}).raise_for_status()
        client.post("/api/ingest", json={"input": f"{server.url}/demo/help/winter-sale"})


def dispatch(server: DemoServer, site: LoopbackSite) -> None:
    """Integrations of which one fails and one is off, rules, and escalations that went to them."""
    site.routes |= {
        "/services/T04FERN/B07HELP/kq2Xv91bTzRu": answer("ok"),
        "/api/webhooks/1193/shop-floor-Wq7d?wait=true": answer("{}"),
        "/hooks/warehouse-9f2c": answer("no", status="410 Gone"),
    }
    with httpx.Client(
        base_url=server.url, headers={"authorization": f"Bearer {server.api_key}"}, timeout=60
    ) as client:
        ids = []
        for provider, name, given in DESTINATIONS:
            credentials = {field: value.format(site=site.url) for field, value in given.items()}
            body = {"provider": provider, "name": name, "credentials": credentials}
            ids.append(client.post("/api/integrations", json=body).raise_for_status().json()["id"])
        client.patch(f"/api/integrations/{ids[3]}", json={"status": "disabled"}).raise_for_status()
        for number, question in enumerate(CONVERSATIONS[:2]):
            session = f"picture-dispatched-{number}"
            body = {"tenantId": "hn_pk_demo", "sessionId": session, "message": question}
            asked = httpx.post(
                f"{server.url}/api/chat", json=body, headers={"origin": server.url}, timeout=60
            )
            conversation = asked.raise_for_status().json()["conversationId"]
            body = {"conversationId": conversation, "reason": "rule"}
            client.post("/api/escalate", json=body).raise_for_status()
        for name, action, condition, places in RULES:
            body = {"name": name, "action": action, "condition": condition}
            body["destinations"] = [ids[place] for place in places]
            client.post("/api/rules", json=body).raise_for_status()
        last = client.get("/api/rules").raise_for_status().json()["rules"][-1]
        client.patch(f"/api/rules/{last['id']}", json={"isOn": False}).raise_for_status()

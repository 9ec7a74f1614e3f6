"""Owns the demo shop's Gear Rental Handbook: its text, its tables and the PDF that is built from them.

Run `python -m helpninja_app.demo.make_handbook` after a change and commit the PDF. The output is the same
byte for byte on every run, so an unchanged handbook makes no diff.
"""

from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    ListFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

HANDBOOK = Path(__file__).parent / "site" / "help" / "fernway-gear-rental-handbook.pdf"

GREEN = HexColor("#24443a")
CREAM = HexColor("#f7f1e1")
LINE = HexColor("#d8d0bb")
INK = HexColor("#22302a")
MUTED = HexColor("#59665e")

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=11, leading=16.5, textColor=INK, spaceAfter=8)
TITLE = ParagraphStyle("title", BODY, fontName="Helvetica-Bold", fontSize=25, leading=30, textColor=GREEN)
LEAD = ParagraphStyle("lead", BODY, fontSize=12.5, leading=19, textColor=MUTED, spaceAfter=14)
HEADING = ParagraphStyle(
    "heading", BODY, fontName="Helvetica-Bold", fontSize=15, leading=19, textColor=GREEN, spaceBefore=12
)
SUBHEADING = ParagraphStyle("subheading", BODY, fontName="Helvetica-Bold", spaceBefore=6)
CELL = ParagraphStyle("cell", BODY, fontSize=9.5, leading=12.5, spaceAfter=0)
HEAD_CELL = ParagraphStyle("head-cell", CELL, fontName="Helvetica-Bold", textColor=CREAM)

RENTAL_PRICES = (
    ("Article", "Weekend (2 nights)", "Week (7 nights)", "Each further night", "Deposit"),
    ("Tent Cairn 2, two people", "€34", "€79", "€8", "€150"),
    ("Tent Cairn 3, three people", "€39", "€92", "€9", "€180"),
    ("Tent Harbour 5, family tent", "€58", "€135", "€13", "€250"),
    ("Sleeping bag Cirrus 500", "€22", "€49", "€5", "€100"),
    ("Sleeping bag Nimbus 800", "€29", "€66", "€7", "€160"),
    ("Sleeping mat, R value 4.8", "€12", "€26", "€3", "€50"),
    ("Backpack Traverse 55", "€18", "€41", "€4", "€80"),
    ("Backpack Traverse 70", "€20", "€46", "€5", "€90"),
    ("Stove set Ember 1 with pots", "€14", "€32", "€3", "€40"),
    ("Stove Caldera Multi", "€19", "€44", "€4", "€70"),
    ("Snowshoes with poles", "€24", "€58", "€6", "€90"),
    ("Crampons, 12 points", "€18", "€42", "€5", "€70"),
    ("Ice axe", "€12", "€28", "€3", "€50"),
    ("Via ferrata set with helmet", "€19", "€45", "€5", "€80"),
    ("Avalanche set (transceiver, probe, shovel)", "€38", "€89", "€9", "€200"),
)

CANCELLING = (
    ("When you cancel", "You pay", "How the rest is returned"),
    ("More than 14 days before the first night", "nothing", "full refund within 5 working days"),
    ("14 to 4 days before", "25 % of the rent", "refund within 5 working days"),
    ("3 days to 1 day before", "60 % of the rent", "refund within 5 working days"),
    ("On the day of pick-up, or not collected", "100 % of the rent", "no refund"),
    ("Avalanche warning level 4 or 5 at your destination", "nothing", "full refund, until pick-up"),
)

DAMAGE = (
    ("What we find", "Charge", "With Fernway Cover"),
    ("Tent peg missing, each", "€2", "€2"),
    ("Tent or pack returned wet or muddy", "€15", "€15"),
    ("Hole or burn up to 3 cm", "€18", "nothing"),
    ("Tent pole broken, each section", "€14", "nothing"),
    ("Tent zip torn out", "€49", "nothing"),
    ("Sleeping bag used without its inner sheet", "€25", "€25"),
    ("Sleeping mat leaking, cannot be patched", "€45", "€10"),
    ("Crampon point bent or ground down", "€30", "€10"),
    ("Transceiver battery compartment corroded", "€60", "€20"),
    ("Item lost, stolen or beyond repair", "current value", "20 % of the current value"),
)

CONTENTS = (
    ("Article", "What belongs to it", "Weight"),
    ("Tent Cairn 2", "inner and outer tent, 3 poles, 14 pegs, 6 guy lines, repair sleeve", "2.4 kg"),
    ("Tent Cairn 3", "inner and outer tent, 3 poles, 16 pegs, 6 guy lines, repair sleeve", "2.9 kg"),
    ("Tent Harbour 5", "inner and outer tent, 5 poles, 32 pegs, 12 guy lines, mallet", "11.8 kg"),
    ("Stove set Ember 1", "burner, two pots of 1.0 and 1.6 litres, lid, handle, windshield", "0.7 kg"),
    ("Snowshoes", "pair of snowshoes, two poles with large baskets, bag", "2.6 kg"),
    ("Avalanche set", "transceiver with harness, probe 240 cm, shovel, three fresh AAA batteries", "1.5 kg"),
)


def paragraphs(*texts: str) -> list[Flowable]:
    return [Paragraph(text, BODY) for text in texts]


def bullets(*texts: str) -> Flowable:
    return ListFlowable(
        [Paragraph(text, BODY) for text in texts],
        bulletType="bullet",
        start="•",
        bulletColor=GREEN,
        leftIndent=12,
    )


def table(rows: Sequence[Sequence[str]], widths_mm: Sequence[float]) -> Flowable:
    """A ruled table whose first row is the head, repeated where the table crosses a page."""
    head, *body = rows
    cells = [[Paragraph(text, HEAD_CELL) for text in head]]
    cells += [[Paragraph(text, CELL) for text in row] for row in body]
    style = TableStyle(
        [
            ("BACKGROUND", (0, 0), (-1, 0), GREEN),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [HexColor("#ffffff"), CREAM]),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
        ]
    )
    return Table(
        cells,
        colWidths=[width * mm for width in widths_mm],
        repeatRows=1,
        style=style,
        spaceBefore=4,
        spaceAfter=10,
    )


def first_page() -> list[Flowable]:
    return [
        Paragraph("Gear Rental Handbook", TITLE),
        Spacer(1, 6),
        Paragraph(
            "Prices, deposits and conditions for everything you can borrow from Fernway Outdoor in Munich, "
            "Innsbruck and Bern, or by parcel in Germany and Austria. Valid from 1 October 2026.",
            LEAD,
        ),
        Paragraph("1. The short version", HEADING),
        bullets(
            "The rent is paid when you book. The deposit is only reserved on your card.",
            "Pick up from 15:00 on the day before the first night; bring back by 11:00 on the day after the "
            "last one.",
            "Two nights are the shortest rental, 21 nights the longest.",
            "Cancelling costs nothing until 15 days before the first night.",
            "Damage up to 3 cm, broken poles and zips cost you nothing if you took Fernway Cover.",
        ),
        Paragraph("2. Who can rent", HEADING),
        *paragraphs(
            "Renters are 18 years or older and show a passport or an identity card. The name on the card "
            "used for the deposit has to be the same. One person may rent for a group of at most eight "
            "people; for larger groups please write to business@fernway.example.",
            "Young people from 14 to 17 may use via ferrata sets, snowshoes and crampons if a parent or a "
            "guide signs for them at pick-up. Children under 14, or anybody lighter than 40 kg, may not use "
            "our via ferrata sets, because the energy absorber is made for 40 to 120 kg.",
        ),
        Paragraph("3. The deposit", HEADING),
        *paragraphs(
            "The deposit stands in the price list. It is reserved on Visa, Mastercard or American Express at "
            "pick-up, or on the day we send the parcel. Debit cards work in the store only. Cash deposits "
            "are accepted up to €200. If you rent several articles, the deposit of one order is never higher "
            "than €400.",
            "We check the gear within 2 working days after its return and release the reservation on the "
            "same day. Your bank may need up to 5 days to show it.",
        ),
        PageBreak(),
    ]


def price_page() -> list[Flowable]:
    return [
        Paragraph("4. Price list", HEADING),
        *paragraphs(
            "Prices are per article and contain VAT. In Bern you pay the same figures in Swiss francs. "
            "Rentals of 3 to 6 nights cost the weekend price and each further night, but never more "
            "than the week."
        ),
        table(RENTAL_PRICES, (60, 29, 26, 28, 22)),
        Paragraph("How to read the list", SUBHEADING),
        *paragraphs(
            "Four nights with a Cairn 2 tent cost €34 for the weekend and two further nights at €8, together "
            "€50. Nine nights cost €79 for the week and two further nights, together €95.",
            "From the third article in one order on, the cheapest article is 15 % less. Gas and fuel are not "
            "included: cartridges are bought in the store, and unopened ones are taken back.",
        ),
        PageBreak(),
    ]


def booking_page() -> list[Flowable]:
    return [
        Paragraph("5. Changing and cancelling", HEADING),
        *paragraphs(
            "You can move the dates once free of charge until noon on the day before pick-up, if the gear is "
            "available. A second change costs €8. Cancelling works in your account under Rental:"
        ),
        table(CANCELLING, (70, 40, 55)),
        Paragraph("6. Late return", HEADING),
        *paragraphs(
            "The first two hours are free. After that each day that has begun costs the price of a further "
            "night and €10 on top. If you call us before 11:00 on the day of return, we leave out the €10. "
            "After seven days without a word from you we charge the current value of the gear.",
            "Parcels count as returned at the moment of the first scan in the parcel shop. Keep the receipt. "
            "If a closed road or a cancelled train kept you in the mountains, show us the notice and you pay "
            "the further nights only.",
        ),
        Paragraph("7. Coming home early", HEADING),
        *paragraphs(
            "Nights you do not use are not refunded. If the gear failed through no fault of yours, tell us "
            "within 24 hours after your return: we refund the whole rent of that article."
        ),
        Paragraph("Gear by parcel", SUBHEADING),
        *paragraphs(
            "Parcels travel in a reusable bag with the return label already inside. Up to 15 kg fit into one "
            "order; the Harbour 5 tent is only available in the stores. If the parcel has not arrived by "
            "18:00 on the day before your first night, call us: you get the whole rent back and a gift card "
            "of €20.",
            "Keep the bag. A lost bag costs €12. The empty weight is printed on its side, so please weigh "
            "the parcel before you hand it in, and keep a photo of the scale together with the receipt.",
        ),
        PageBreak(),
    ]


def damage_page() -> list[Flowable]:
    return [
        Paragraph("8. Fernway Cover", HEADING),
        *paragraphs(
            "Fernway Cover costs 12 % of the rent, at least €3 per order, and is chosen when you book; it "
            "cannot be added later. It covers accidental damage as shown in the table. It does not cover "
            "forgotten gear, cleaning, damage by open fire inside a tent, or use by somebody who is not "
            "allowed to use the article. Theft is covered if you report it to the police within 48 hours."
        ),
        Paragraph("9. What damage costs", HEADING),
        table(DAMAGE, (82, 36, 47)),
        *paragraphs(
            "Normal wear costs nothing: scratches on pots, light stains, a blunt ice axe. The current value "
            "is the price of the new article less 15 % for each season the piece has been in rental, "
            "and never less than 25 % of the new price.",
            "Please do not repair anything with super glue or duct tape. Each tent carries a pole sleeve and "
            "two patches which you may use free of charge. Tell us what happened when you bring the gear "
            "back: what is declared on return is never charged at more than the figures above.",
        ),
        PageBreak(),
    ]


def contents_page() -> list[Flowable]:
    return [
        Paragraph("10. What belongs to each article", HEADING),
        table(CONTENTS, (38, 106, 21)),
        Paragraph("11. Handing over and safety", HEADING),
        bullets(
            "Count the parts in the store. Missing parts can be reported until 20:00 on the day of pick-up.",
            "Pitch a tent once before you travel, if you have never used it.",
            "Test the transceiver in send and search mode before each tour. Below 60 % of battery, change "
            "all three batteries; do not use rechargeable ones.",
            "Crampons fit boots with a stiff sole of EU size 36 to 47. Bring your boots to pick-up, and we "
            "adjust the crampons in about ten minutes.",
            "Via ferrata sets that have caught a fall are taken out of use. Tell us; it costs you nothing.",
        ),
        Paragraph("12. Snow and winter", HEADING),
        *paragraphs(
            "Snowshoes, crampons, ice axes and avalanche sets are available from 15 November to 30 April. In "
            "the other months only Innsbruck keeps crampons and ice axes for glacier tours. Avalanche sets "
            "are not sent by parcel, because we show you how to use them at pick-up; please allow 20 minutes."
        ),
        Paragraph("13. Reaching us on the way", HEADING),
        *paragraphs(
            "Something broke in the field? Write to rental@fernway.example or call +49 89 99998 430, daily "
            "from 7:00 to 20:00, also on Sundays. Where one of our stores is near, we exchange the article "
            "on the same day."
        ),
    ]


def frame(canvas: Canvas, document: SimpleDocTemplate) -> None:
    """Draws what stands on every page: the rule, the maker and the page number."""
    width, _ = A4
    canvas.saveState()
    canvas.setStrokeColor(LINE)
    canvas.line(20 * mm, 17 * mm, width - 20 * mm, 17 * mm)
    canvas.setFont("Helvetica", 8.5)
    canvas.setFillColor(MUTED)
    canvas.drawString(20 * mm, 12 * mm, "Fernway Outdoor GmbH, Gewerbepark 9, 87437 Kempten, Germany")
    canvas.drawRightString(width - 20 * mm, 12 * mm, f"Page {document.page}")
    canvas.restoreState()


def make_handbook(path: Path = HANDBOOK) -> None:
    """Writes the handbook to `path`, replacing what is there."""
    document = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=22 * mm,
        bottomMargin=24 * mm,
        title="Gear Rental Handbook",
        author="Fernway Outdoor",
        subject="Rental prices, deposits and conditions",
        lang="en",
        invariant=1,
    )
    story = [*first_page(), *price_page(), *booking_page(), *damage_page(), *contents_page()]
    document.build(story, onFirstPage=frame, onLaterPages=frame)


if __name__ == "__main__":
    make_handbook()

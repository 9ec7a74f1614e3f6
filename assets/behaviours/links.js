/* Links beyond the platform: to a part of a page, with what the page's address says, and to be followed again. */
(() => {
  "use strict";

  const on = (type, act) => document.addEventListener(type, act, true);
  const asked = () => new URLSearchParams(location.search);
  const isSeen = (element) => Boolean(element?.isConnected && element.getClientRects().length);

  /* A link that leads to a part of a page: the focus goes into the first field there, or to the first button,
     once the page is drawn and what was open has given the focus back. A part below a tab has that opened, also
     for who comes to its address from elsewhere. */

  const FIELD = "input:not([type=hidden]), select, textarea";
  let sought = 0;

  function seek(id, isThere) {
    const until = performance.now() + 5000;
    clearInterval(sought);
    sought = setInterval(() => {
      const part = location.hash === `#${id}` ? document.getElementById(id) : null;
      const panel = part?.closest("[role=tabpanel][hidden]");
      if (panel) document.getElementById(panel.getAttribute("aria-labelledby"))?.click();
      if (isThere(part) || performance.now() > until) clearInterval(sought);
    }, 50);
  }

  function isEntered(part) {
    const seen = part ? [part, ...part.querySelectorAll("*")].filter(isSeen) : [];
    const field = seen.find((each) => each.matches(FIELD)) ?? seen.find((each) => each.matches("button"));
    if (field && !document.querySelector("dialog:modal")) field.focus();
    return document.activeElement === field;
  }

  if (location.hash) seek(location.hash.slice(1), isSeen);

  on("click", (event) => {
    const place = event.target instanceof Element && event.target.closest("[role=menu], [data-palette], main");
    const link = place && event.target.closest("a[href*='#']");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) seek(link.hash.slice(1), isEntered);
  });

  /* A link with data-keeps-address="names" takes along what the page's address says of them; one with
     data-comes-back leads back to the invite that it names. */
  function keepAddress({ target }) {
    const link = target instanceof Element ? target.closest("a[data-keeps-address]") : null;
    if (!link) return;
    const to = new URL(link.href);
    for (const name of link.dataset.keepsAddress.split(" "))
      if (asked().get(name)) to.searchParams.set(name, asked().get(name));
    const invite = "comesBack" in link.dataset && asked().get("invite");
    if (invite) to.searchParams.set("next", `/invite?token=${encodeURIComponent(invite)}`);
    link.href = to.href;
  }
  on("pointerdown", keepAddress);
  on("click", keepAddress);

  /* Within data-forgets="name", a choice takes the place of what the address asked for of that name: the link
     that led here may ask for it again. */
  on("change", ({ target }) => {
    const name = target.closest("[data-forgets]")?.dataset.forgets;
    const address = new URL(location.href);
    if (!name || !address.searchParams.has(name)) return;
    address.searchParams.delete(name);
    history.replaceState(history.state, "", address);
  });
})();

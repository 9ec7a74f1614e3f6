/* Canned replies: a / at the beginning of a reply opens them, the arrow keys and Enter choose one, and its text
   goes where the cursor was. The server searches; the focus stays in the field of the search. */
(() => {
  "use strict";

  const on = (type, act) => document.addEventListener(type, act, true);
  const byId = (id) => document.getElementById(id);
  const panel = () => byId("canned");
  const field = () => byId("canned-search");
  const list = () => byId("canned-replies");
  const options = () => [...(list()?.querySelectorAll("[role=option]") ?? [])];
  const isOpen = () => Boolean(panel()?.matches(":popover-open"));
  const at = (all) => all.findIndex((each) => each.getAttribute("aria-selected") === "true");

  function mark(option) {
    for (const each of options()) each.setAttribute("aria-selected", String(each === option));
    if (option) {
      field().setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else field()?.removeAttribute("aria-activedescendant");
  }

  /* Enter may be faster than the server: what it means is chosen once the list is of what was typed. */
  let isAwaited = false;
  const isCurrent = () => list().dataset.for === field().value.trim();

  function chooseMarked() {
    isAwaited = !isCurrent();
    const all = options();
    if (!isAwaited) all[Math.max(at(all), 0)]?.click();
  }

  on("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    // It opens on all of them, whatever was looked for the last time.
    if (target.closest("#open-canned") && !isOpen()) {
      field().value = "";
      isAwaited = false;
      mark(null);
    }
    if (target.closest("#open-manage-canned") && byId("kept-search")) byId("kept-search").value = "";
    if (target.closest("[data-canned]")) panel().hidePopover();
  });

  on("toggle", ({ target, newState }) => {
    if (target !== panel()) return;
    // It may come when something was typed and chosen already.
    if (newState === "open") return field().focus();
    isAwaited = false;
    mark(null);
  });

  on("input", ({ target }) => {
    if (target === field()) {
      isAwaited = false;
      mark(null);
    } else if (target.id === "reply" && target.value === "/" && !isOpen()) {
      byId("open-canned")?.click();
      // At once, so that the next letter is typed there.
      if (isOpen()) field().focus();
    }
  });

  on("keydown", (event) => {
    if (event.target !== field() || !field() || event.isComposing) return;
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) mark(all[(Math.max(at(all), step < 0 ? 0 : -1) + step + all.length) % all.length] ?? null);
    else if (event.key === "Enter") chooseMarked();
    else return;
    event.preventDefault();
  });

  /* The / that opened the list gives way to the text. */
  function fill(text) {
    const area = byId("reply");
    if (!area) return;
    if (area.value === "/") area.value = "";
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  new MutationObserver((changes) => {
    for (const { target, attributeName } of changes) {
      if (attributeName === "data-fillings") {
        const { filled, filledFor, conversation } = target.dataset;
        if (filledFor === conversation) fill(filled);
      } else if (target === list() && isOpen()) {
        if (at(options()) < 0) mark(options()[0] ?? null);
        if (isAwaited && isCurrent()) chooseMarked();
      }
    }
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-fillings", "data-for"],
  });
})();

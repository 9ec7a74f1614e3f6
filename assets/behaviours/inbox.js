/* The inbox: its keys; what is written and not sent survives a failure, a reload and another conversation. */
(() => {
  "use strict";

  const on = (type, act) => document.addEventListener(type, act, true);
  const byId = (id) => document.getElementById(id);
  const composer = () => byId("inbox-composer");
  const account = () => document.querySelector("[data-account]")?.dataset.account ?? "";
  const FIELDS = ["reply", "note"];
  const keyOf = (field) => `inbox-${field}:${account()}:${composer()?.dataset.conversation}`;
  const read = (key) => JSON.parse(sessionStorage.getItem(key) ?? "{}");

  function grow(area) {
    area.style.height = "auto";
    if (area.scrollHeight) area.style.height = `${area.scrollHeight}px`;
  }

  const MOST_BYTES = 28000;
  const bytesOf = (text) => new Blob([JSON.stringify(text)]).size;

  // randomUUID exists in secure contexts only; a dashboard on plain http has getRandomValues.
  const newId = () =>
    crypto.randomUUID?.() ??
    [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

  /* Each text has an id from its first attempt to be sent until it is stored: sent again it is the same one. */
  on("submit", (event) => {
    const field = event.target.dataset?.sends;
    if (!field) return;
    const area = byId(field);
    const text = area.value.trim();
    if (!text) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    const draft = read(keyOf(field));
    const id = draft.sent === text && draft.id ? draft.id : newId();
    sessionStorage.setItem(keyOf(field), JSON.stringify({ text: area.value, sent: text, id }));
    event.target.elements.client_id.value = id;
  });

  let typedAt = 0;
  on("input", ({ target }) => {
    if (!FIELDS.includes(target.id)) return;
    grow(target);
    const draft = read(keyOf(target.id));
    sessionStorage.setItem(keyOf(target.id), JSON.stringify({ ...draft, text: target.value }));
    target.setCustomValidity(bytesOf(target.value) > MOST_BYTES ? "This is too long. Send it in parts." : "");
    if (target.id === "note") suggest(target);
    else if (target.value && composer().dataset.types === "true" && Date.now() - typedAt > 4000) {
      typedAt = Date.now();
      byId("shows-typing")?.click();
    }
  });

  /* Members behind an @. */
  const mentions = () => byId("mentions");
  const offered = () => [...mentions().children].filter((each) => !each.hidden);
  const typedName = (area) => area.value.slice(0, area.selectionStart).match(/(?:^|\s)@([^@\n]{0,40})$/)?.[1];

  function suggest(area) {
    const list = mentions();
    const name = typedName(area)?.toLowerCase();
    for (const each of list.children) {
      each.hidden = name === undefined || !each.dataset.mention.toLowerCase().startsWith(name);
    }
    list.hidden = offered().length === 0;
    mark(0);
  }

  const mark = (at) => offered().forEach((each, place) => each.setAttribute("aria-selected", String(place === at)));

  function mention(button) {
    const area = byId("note");
    const end = area.selectionStart;
    const start = end - typedName(area).length;
    area.setRangeText(`${button.dataset.mention} `, start, end, "end");
    mentions().hidden = true;
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  on("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("[data-mention]") : null;
    if (button) mention(button);
    // The conversation of a note is shown where the list of the notes was.
    if (target instanceof Element && target.closest("#my-mentions a")) byId("my-mentions").hidePopover();
  });

  function moveInMentions(event) {
    if (event.target.id !== "note" || !mentions() || mentions().hidden) return false;
    const all = offered();
    const at = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) mark((at + step + all.length) % all.length);
    else if (["Enter", "Tab"].includes(event.key) && !event.ctrlKey && !event.metaKey) mention(all[Math.max(at, 0)]);
    else if (event.key === "Escape") mentions().hidden = true;
    else return false;
    event.preventDefault();
    return true;
  }

  /* What is sent by keys while something else is done, as taking over, is sent right after that. */
  let awaited = "";

  function sendAwaited() {
    const field = FIELDS.find((each) => byId(each) && keyOf(each) === awaited);
    if (field && byId(field).form.querySelector("[type=submit]").disabled) return;
    awaited = "";
    if (field) byId(field).form.requestSubmit();
  }

  /* Keys. */
  const isWriting = (target) => target instanceof Element && target.matches("input:not([type=checkbox]), textarea, select, [contenteditable=true]");

  function write(field) {
    byId(`${field}-tab`)?.click();
    byId(field)?.focus();
  }

  function step(by) {
    const rows = [...document.querySelectorAll("#conversations [data-conversation]")];
    const at = rows.findIndex((each) => each.getAttribute("aria-current") === "true");
    const next = rows[at < 0 ? 0 : at + by];
    next?.click();
    next?.scrollIntoView({ block: "nearest" });
  }

  /* Conversations that are chosen, one by one or up to the one that was chosen before. */
  const boxOf = (row) => row?.closest("li")?.querySelector("[data-chooses] input");
  let chosenLast = "";

  function choose() {
    const focused = document.activeElement?.closest("#conversations li")?.querySelector("[data-conversation]");
    boxOf(focused ?? document.querySelector("#conversations [data-conversation][aria-current=true]"))?.click();
  }

  on("click", (event) => {
    const box = event.target instanceof Element ? event.target.closest("[data-chooses] input") : null;
    if (!box) return;
    const boxes = [...document.querySelectorAll("#conversations [data-chooses] input")];
    const ids = boxes.map((each) => each.parentElement.dataset.chooses);
    const [from, to] = [ids.indexOf(chosenLast), boxes.indexOf(box)];
    chosenLast = ids[to];
    if (!event.shiftKey || from < 0) return;
    for (const each of boxes.slice(Math.min(from, to) + (from < to), Math.max(from, to) + (from < to ? 0 : 1))) {
      if (each !== box && each.checked !== box.checked) each.click();
    }
    chosenLast = ids[to];
  });

  /* Whose last press took the buttons for them away goes on at the list. */
  let isChoosing = false;

  function keepPlace() {
    const isStill = byId("choose-none") !== null;
    if (isChoosing && !isStill && document.activeElement === document.body) byId("conversations")?.focus();
    isChoosing = isStill;
  }

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    r: () => write("reply"),
    n: () => write("note"),
    // Of several that are chosen, and else of the one that is open.
    e: () => (byId("resolve-chosen") ?? byId("resolve"))?.click(),
    a: () => (byId("assign-those-chosen") ?? byId("assign"))?.click(),
    x: choose,
  };

  on("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || moveInMentions(event)) return;
    if (FIELDS.includes(event.target.id) && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      awaited = keyOf(event.target.id);
      sendAwaited();
      return;
    }
    if (FIELDS.includes(event.target.id) && event.key === "Escape") event.target.blur();
    if (!byId("conversations") || isWriting(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog:modal, :popover-open")) return;
    if (event.key === "Escape") byId("choose-none")?.click();
    if (!Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  /* What a pressed source says stands beside the thread, or in a sheet where there is no room. */
  let passage = "";

  function showPassage() {
    const rows = passage ? document.querySelectorAll(`[data-passage="${passage}"][aria-current=true]`) : [];
    for (const row of rows) {
      if (!row.checkVisibility()) continue;
      row.scrollIntoView({ block: "nearest" });
      passage = "";
    }
  }

  on("click", ({ target }) => {
    const source = target instanceof Element ? target.closest("[data-source]") : null;
    if (!source) return;
    passage = source.id;
    const opener = byId("open-context");
    if (opener.checkVisibility()) opener.click();
    showPassage();
  });

  /* What is shown counts as read once somebody can see it: a tab behind others reads nothing. */
  let seen = "";

  function see() {
    const button = byId("sees-conversation");
    const unseen = button?.dataset.unseen ?? "";
    if (document.visibilityState !== "visible" || unseen === seen) return;
    seen = unseen;
    if (unseen) button.click();
  }

  // What failed to be marked is tried again.
  function seeAgain() {
    seen = "";
    see();
  }

  on("visibilitychange", seeAgain);
  setInterval(seeAgain, 10000);

  /* The fields of the conversation that is open, with what was written for it. */
  let shown = "";
  let accepted = "";

  new MutationObserver(() => {
    see();
    showPassage();
    keepPlace();
    const form = composer();
    if (!form || !account()) {
      if (!form) [shown, accepted] = ["", ""];
      return;
    }
    if (awaited) sendAwaited();
    const { conversation } = form.dataset;
    const key = `${account()}:${conversation}`;
    if (key !== shown || byId("reply")?.dataset.filled !== key) {
      shown = key;
      for (const field of FIELDS) {
        const area = byId(field);
        area.value = read(keyOf(field)).text ?? "";
        area.dataset.filled = key;
        grow(area);
      }
    }
    if (form.dataset.accepted === accepted) return;
    accepted = form.dataset.accepted;
    // It may have been written in a conversation that was left meanwhile.
    for (const stored of Object.keys(sessionStorage).filter((each) => each.startsWith("inbox-"))) {
      const draft = read(stored);
      if (!accepted || draft.id !== accepted) continue;
      // Only what was stored goes: what was typed since then stays.
      const text = draft.text.trim() === draft.sent ? "" : draft.text;
      sessionStorage.setItem(stored, JSON.stringify({ text }));
      for (const field of FIELDS.filter((each) => keyOf(each) === stored)) {
        byId(field).value = text;
        grow(byId(field));
      }
    }
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: [
      "data-accepted", "data-conversation", "data-account", "data-unseen", "disabled", "aria-current",
    ],
  });
})();

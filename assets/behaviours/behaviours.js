/* What the design system needs beyond the platform: dialogs, menus, tabs, tooltips and the command palette.
   It listens on the document and reads data attributes, so nothing has to be attached again after a render. */
(() => {
  "use strict";

  const on = (type, act) => document.addEventListener(type, act, true);
  const byId = (id) => (id ? document.getElementById(id) : null);
  const near = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);
  const isSeen = (element) => Boolean(element?.isConnected && element.getClientRects().length);
  const invokersOf = (popover) =>
    [...document.querySelectorAll(`[popovertarget="${CSS.escape(popover.id)}"]`)].filter(isSeen);

  if (/Mac|iPhone|iPad/.test(navigator.platform)) document.documentElement.dataset.keys = "mac";

  /* Dialogs and sheets: data-opens="id" opens one, data-closes closes the one around it, and one with
     data-shown follows that attribute. */

  const openers = new WeakMap();

  function openDialog(dialog, opener) {
    if (!(dialog instanceof HTMLDialogElement) || dialog.open || !dialog.isConnected) return;
    const popover = opener?.closest(":popover-open");
    openers.set(dialog, popover ? (invokersOf(popover)[0] ?? opener) : opener);
    popover?.hidePopover();
    // Without its scroll bar the page must not become wider.
    const page = document.documentElement;
    page.toggleAttribute("data-scrolls", innerWidth > page.clientWidth);
    dialog.showModal();
    dialog.querySelector("[data-first], input:not([type=hidden]), select, textarea")?.focus();
    if (dialog.matches("[data-palette]")) {
      dialog.querySelector("[role=combobox]").value = "";
      filter(dialog);
    }
  }

  /* data-makes-secret="id" fills a field with 32 random bytes, as Standard Webhooks writes a secret: made
     here, it never stands in the state of a page. */
  function makeSecret(field) {
    if (!(field instanceof HTMLInputElement)) return;
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    field.value = `whsec_${btoa(String.fromCharCode(...bytes))}`;
    field.focus();
    field.select();
  }

  on("click", (event) => {
    const opener = near(event, "[data-opens]");
    if (opener) openDialog(byId(opener.dataset.opens), opener);
    if (near(event, "[data-closes]")) near(event, "dialog")?.close();
    if (near(event, "[data-reloads]")) location.reload();
    const maker = near(event, "[data-makes-secret]");
    if (maker) makeSecret(byId(maker.dataset.makesSecret));
    byId(near(event, "[data-clicks]")?.dataset.clicks)?.click();
  });

  // Only a press that began outside closes: letting go there after marking some text must not.
  let pressed = null;
  on("pointerdown", (event) => (pressed = event.target));
  on("click", ({ target, clientX, clientY }) => {
    if (!(target instanceof HTMLDialogElement) || target !== pressed || target.hasAttribute("data-insists")) return;
    const box = target.getBoundingClientRect();
    const isInside = clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
    if (!isInside) target.close();
  });

  on("close", ({ target }) => {
    const opener = openers.get(target);
    openers.delete(target);
    // What was typed and not sent is gone with it: a dialog opens as it did the first time.
    if (target instanceof HTMLDialogElement) for (const form of target.querySelectorAll("form")) form.reset();
    if (document.activeElement !== document.body && isSeen(document.activeElement)) return;
    const popover = opener?.closest("[popover]");
    (isSeen(opener) ? opener : popover && invokersOf(popover)[0])?.focus();
  });

  function follow(root) {
    for (const each of [root, ...root.querySelectorAll("[data-shown], [data-mixed]")]) {
      // What was moved takes the focus along; a number after the id makes it another value each time.
      if (each.dataset?.focuses) byId(each.dataset.focuses.split(" ")[0])?.focus();
      if (each.dataset?.mixed) each.indeterminate = each.dataset.mixed === "true";
      if (!(each instanceof HTMLDialogElement) || !each.dataset.shown) continue;
      if (each.dataset.shown === "true") openDialog(each, document.activeElement);
      else if (each.open) each.close();
    }
  }

  /* A close that was told while the connection died was not heard: without this its dialog would be open for the
     server for ever, and never open here again. data-connections counts the connections that were made. */
  function closeAgain() {
    for (const dialog of document.querySelectorAll("dialog[data-shown=true]:not([open])")) {
      dialog.dispatchEvent(new Event("close"));
    }
  }

  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes") follow(target);
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        follow(node);
        // Entries that come while somebody types are looked through like the others.
        const palette = node.closest("dialog[data-palette][open]");
        if (palette) filter(palette);
      }
    }
    if (changes.some(({ attributeName }) => attributeName === "data-connections")) closeAgain();
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-shown", "data-mixed", "data-focuses", "data-connections"],
  });

  /* Menus: popovers whose place is beside what opens them. */

  const GAP = 6;
  let invoker = null;

  function place(popover, beside) {
    const box = beside.getBoundingClientRect();
    const [side, edge] = popover.dataset.placement.split(" ");
    const isEnd = (edge === "end") !== (getComputedStyle(beside).direction === "rtl");
    Object.assign(popover.style, {
      position: "fixed",
      inset: "auto",
      margin: "0",
      [isEnd ? "right" : "left"]: `${isEnd ? document.documentElement.clientWidth - box.right : box.left}px`,
      [side === "above" ? "bottom" : "top"]: `${side === "above" ? innerHeight - box.top + GAP : box.bottom + GAP}px`,
    });
  }

  /* Back into the window where it stands out of it. */
  function keepInside(popover) {
    const box = popover.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    if (box.right > width - GAP || box.left < GAP) {
      popover.style.right = "auto";
      popover.style.left = `${Math.max(GAP, Math.min(box.left, width - box.width - GAP))}px`;
    }
    if (box.bottom > innerHeight - GAP || box.top < GAP) {
      popover.style.bottom = "auto";
      popover.style.top = `${Math.max(GAP, Math.min(box.top, innerHeight - box.height - GAP))}px`;
    }
  }

  on("click", (event) => (invoker = near(event, "[popovertarget]") ?? invoker));

  on("beforetoggle", ({ target, newState }) => {
    if (newState !== "open" || !target.dataset?.placement) return;
    const all = invokersOf(target);
    const beside = all.includes(invoker) ? invoker : all[0];
    if (beside) place(target, beside);
  });

  on("toggle", ({ target, newState }) => {
    if (newState !== "open" || !target.dataset?.placement) return;
    keepInside(target);
    if (target.matches("[role=menu]")) itemsOf(target)[0]?.focus();
  });

  const itemsOf = (menu) => [...menu.querySelectorAll("[role^=menuitem]:not(:disabled)")].filter(isSeen);

  on("click", (event) => {
    const item = near(event, "[role=menu] [role^=menuitem]");
    if (item && !item.dataset.opens) item.closest("[role=menu]").hidePopover();
  });

  function move(event, all, { vertical }) {
    const isBackwards = !vertical && getComputedStyle(event.target).direction === "rtl";
    const [next, previous] = vertical ? ["ArrowDown", "ArrowUp"] : ["ArrowRight", "ArrowLeft"];
    const at = all.indexOf(document.activeElement);
    const steps = { [next]: isBackwards ? -1 : 1, [previous]: isBackwards ? 1 : -1 };
    let to = -1;
    if (event.key in steps) to = at < 0 && steps[event.key] < 0 ? all.length - 1 : at + steps[event.key];
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = all.length - 1;
    else return null;
    event.preventDefault();
    const found = all[(to + all.length) % all.length];
    found?.focus();
    return found;
  }

  on("keydown", (event) => {
    const menu = near(event, "[role=menu]");
    if (!menu) {
      const trigger = near(event, "[aria-haspopup=menu][popovertarget]");
      if (!trigger || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
      event.preventDefault();
      trigger.click();
      return;
    }
    if (event.key === "Tab") menu.hidePopover();
    const items = itemsOf(menu);
    if (move(event, items, { vertical: true })) return;
    if (event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
    const after = items.indexOf(document.activeElement) + 1;
    const letter = event.key.toLowerCase();
    [...items.slice(after), ...items.slice(0, after)]
      .find((item) => item.textContent.trim().toLowerCase().startsWith(letter))
      ?.focus();
  });

  /* Tabs: the arrow keys choose; a list with data-panels shows and hides its panels itself. */

  on("keydown", (event) => {
    const list = near(event, "[role=tablist]");
    if (list) move(event, [...list.querySelectorAll("[role=tab]:not(:disabled)")], { vertical: false })?.click();
  });

  on("click", (event) => {
    const chosen = near(event, "[role=tablist][data-panels] [role=tab]");
    if (!chosen) return;
    for (const tab of chosen.closest("[role=tablist]").querySelectorAll("[role=tab]")) {
      const is = tab === chosen;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      const panel = byId(tab.getAttribute("aria-controls"));
      if (panel) panel.hidden = !is;
    }
  });

  /* Tooltips: after a moment under the pointer, at once with the keyboard, gone with Escape. */

  let tip = null;
  let timer = 0;

  function showTip(trigger) {
    const found = byId(trigger.dataset.tooltip);
    if (!found || found === tip) return;
    hideTip();
    tip = found;
    tip.showPopover();
    const box = trigger.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const isBelow = box.top < size.height + 2 * GAP;
    Object.assign(tip.style, {
      inset: "auto",
      left: `${box.left + box.width / 2 - size.width / 2}px`,
      top: `${isBelow ? box.bottom + GAP : box.top - size.height - GAP}px`,
    });
    keepInside(tip);
  }

  function hideTip() {
    clearTimeout(timer);
    if (tip?.isConnected && tip.matches(":popover-open")) tip.hidePopover();
    tip = null;
  }

  on("pointerover", (event) => {
    const trigger = near(event, "[data-tooltip]");
    if (event.pointerType === "touch") return;
    clearTimeout(timer);
    if (trigger) timer = setTimeout(showTip, tip ? 0 : 400, trigger);
    else if (tip && !near(event, "[role=tooltip]")) timer = setTimeout(hideTip, 120);
  });
  on("focusin", (event) => {
    const trigger = near(event, "[data-tooltip]");
    if (trigger && event.target.matches(":focus-visible")) showTip(trigger);
  });
  on("focusout", hideTip);
  on("click", hideTip);
  on("keydown", (event) => {
    if (event.key !== "Escape" || !tip) return;
    hideTip();
    event.preventDefault();
  });

  /* The command palette: a field over a list; the focus stays in the field. */

  const optionsOf = (palette) => [...palette.querySelectorAll("[role=option]")];
  const shownOptions = (palette) => optionsOf(palette).filter((option) => !option.hidden);

  /* How well a name has the letters of `typed` in their order, from the beginning of a word: higher is
     better, 0 is not at all. Further words count when one of them begins so. */
  function match(name, words, typed) {
    const whole = name.indexOf(typed);
    if (whole >= 0) return 1000 - whole + (whole === 0 || name[whole - 1] === " " ? 500 : 0);
    if (words.split(" ").some((word) => word.startsWith(typed))) return 600;
    let score = 500;
    let at = -1;
    for (const letter of typed) {
      let found = name.indexOf(letter, at + 1);
      while (at < 0 && found > 0 && name[found - 1] !== " ") found = name.indexOf(letter, found + 1);
      if (found < 0) return 0;
      score -= at < 0 || name[found - 1] === " " ? 1 : Math.min(40, found - at);
      at = found;
    }
    return Math.max(score, 1);
  }

  function activate(palette, option) {
    for (const each of optionsOf(palette)) each.setAttribute("aria-selected", String(each === option));
    const field = palette.querySelector("[role=combobox]");
    if (option) {
      option.id ||= `option-${optionsOf(palette).indexOf(option)}`;
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  }

  function filter(palette) {
    const typed = palette.querySelector("[role=combobox]").value.trim().toLowerCase().replace(/\s+/g, " ");
    let best = null;
    let most = 0;
    for (const option of optionsOf(palette)) {
      const score = match(option.textContent.trim().toLowerCase(), option.dataset.words ?? "", typed);
      option.hidden = score === 0;
      if (score > most) [best, most] = [option, score];
    }
    for (const group of palette.querySelectorAll("[role=group]")) {
      group.hidden = !group.querySelector("[role=option]:not([hidden])");
    }
    const count = shownOptions(palette).length;
    palette.querySelector("[data-none]").hidden = count > 0;
    palette.querySelector("[data-count]").textContent = count === 1 ? "1 entry" : `${count} entries`;
    activate(palette, typed ? best : (shownOptions(palette)[0] ?? null));
  }

  on("input", (event) => {
    const palette = near(event, "dialog[data-palette]");
    if (palette) filter(palette);
  });

  on("pointermove", (event) => {
    const option = near(event, "[data-palette] [role=option]");
    if (option && option.getAttribute("aria-selected") !== "true") activate(option.closest("dialog"), option);
  });

  on("click", (event) => near(event, "[data-palette] [role=option]")?.closest("dialog").close());

  on("keydown", (event) => {
    const palette = near(event, "dialog[data-palette]");
    if (!palette || event.isComposing) return;
    const shown = shownOptions(palette);
    const at = shown.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const last = shown.length - 1;
    const to = {
      ArrowDown: at === last ? 0 : at + 1,
      ArrowUp: at <= 0 ? last : at - 1,
      PageDown: Math.min(at + 5, last),
      PageUp: Math.max(at - 5, 0),
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      activate(palette, shown[to] ?? null);
    } else if (event.key === "Enter") {
      event.preventDefault();
      shown[at]?.click();
    }
  });

  /* Keys that work everywhere. */

  const isWriting = (target) =>
    target instanceof Element && target.matches("input, textarea, select, [contenteditable=true]");

  on("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    const isPalette = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k";
    const isHelp = !event.ctrlKey && !event.metaKey && event.key === "?" && !isWriting(event.target);
    const wanted = document.querySelector(isPalette ? "dialog[data-palette]" : isHelp ? "dialog[data-help]" : ":not(*)");
    if (!wanted) return;
    event.preventDefault();
    const open = document.querySelector("dialog:modal");
    if (open === wanted) wanted.close();
    else if (!open) openDialog(wanted, document.activeElement);
  });
})();

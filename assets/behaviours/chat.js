/* The chat page: Enter sends, Escape stops, the address names the chat, what is not sent yet survives a reload. */
(() => {
  "use strict";

  const on = (type, act) => document.addEventListener(type, act, true);
  const near = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);
  const field = () => document.getElementById("question");
  const account = () => document.querySelector("[data-account]")?.dataset.account;
  const DRAFT = "chat-draft";
  const draft = () => JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}");
  const keep = (changed) => sessionStorage.setItem(DRAFT, JSON.stringify({ ...changed, account: account() }));

  function grow(area) {
    area.style.height = "auto";
    // Nothing is measured of what is not shown, such as beside the list on a phone.
    if (area.scrollHeight) area.style.height = `${area.scrollHeight}px`;
  }

  // What an event of a page may have, less what stands around the text.
  const MOST_BYTES = 28000;
  const TOO_LONG = "This is too long to be sent at once. Upload it as a file, and ask about that.";
  const bytesOf = (text) => new Blob([JSON.stringify(text)]).size;

  on("input", ({ target }) => {
    if (!["question", "edited"].includes(target.id)) return;
    target.setCustomValidity(bytesOf(target.value) > MOST_BYTES ? TOO_LONG : "");
    if (target.id !== "question") return;
    grow(target);
    keep({ ...draft(), text: target.value });
  });

  on("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape" && !document.querySelector("dialog:modal, :popover-open")) {
      (document.getElementById("stop-answer") ?? document.getElementById("keep-question"))?.click();
    }
    if (!["question", "edited"].includes(event.target.id) || event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    const form = event.target.form;
    if (event.target.value.trim() && form.dataset.busy !== "true") form.requestSubmit();
  });

  // randomUUID exists in secure contexts only; a dashboard on plain http has getRandomValues.
  const newId = () =>
    crypto.randomUUID?.() ??
    [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

  /* A text has an id from its first attempt to be sent until it is stored: by that the server knows a second click,
     and the browser what was stored. What is sent is not heard of by a page that is loaded anew, or whose connection
     is lost: by its address the server knows that the chat which was begun meanwhile is meant. */
  on("submit", ({ target }) => {
    if (target.id !== "composer") return;
    const text = field().value;
    const before = draft();
    const id = before.sent === text.trim() && before.id ? before.id : newId();
    keep({ text, sent: text.trim(), id });
    target.elements.client_id.value = id;
    const address = new URL(location.href);
    if (target.dataset.chat || ![null, "new"].includes(address.searchParams.get("chat"))) return;
    address.searchParams.set("sent", "yes");
    history.replaceState(history.state, "", address);
  });

  on("click", (event) => {
    const suggestion = near(event, "[data-asks]");
    const form = document.getElementById("composer");
    if (!suggestion || form.dataset.busy === "true") return;
    field().value = suggestion.dataset.asks;
    form.requestSubmit();
  });

  on("click", async (event) => {
    const button = near(event, "[data-copies]");
    if (!button) return;
    const from = button.dataset.copies === "code" ? button.parentElement.querySelector("pre") : null;
    const shown = from ?? document.getElementById(button.dataset.copies);
    // The numbers of passages and the buttons of code are not part of the text.
    shown.dataset.copying = "";
    const text = shown.innerText.trim();
    delete shown.dataset.copying;
    await navigator.clipboard.writeText(text);
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 2000);
  });

  /* Each follower is started anew when it came to its end, and when nothing was heard of it for too long. */
  const AGAIN_AFTER = 40000;
  const started = new WeakMap();

  function follow() {
    for (const button of document.querySelectorAll("[data-follows]")) {
      const last = started.get(button);
      if (last?.heard === button.dataset.follows && Date.now() - last.at < AGAIN_AFTER) continue;
      started.set(button, { heard: button.dataset.follows, at: Date.now() });
      button.click();
    }
  }

  setInterval(follow, 5000);

  let accepted = "";
  let chat = null;
  let restoredFor = null;

  new MutationObserver(() => {
    follow();
    const form = document.getElementById("composer");
    if (!form) {
      [accepted, chat, restoredFor] = ["", null, null];
      return;
    }
    const area = field();
    if (restoredFor !== area && account()) {
      restoredFor = area;
      const { account: author, text } = draft();
      if (author === account() && !area.value) area.value = text ?? "";
      grow(area);
    }
    if (form.dataset.accepted !== accepted && account()) {
      accepted = form.dataset.accepted;
      const { id, text, sent } = draft();
      if (accepted && id === accepted) {
        // Only what was stored goes: what was typed since then stays.
        const left = text.trim() === sent ? "" : text;
        keep({ text: left });
        if (!left) area.value = "";
        grow(area);
      }
    }
    if (form.dataset.chat === chat) return;
    chat = form.dataset.chat;
    const address = new URL(location.href);
    if (chat && address.searchParams.get("chat") !== chat) {
      address.searchParams.set("chat", chat);
      address.searchParams.delete("sent");
      history.replaceState(history.state, "", address);
    }
    const isFree = document.activeElement === document.body || document.activeElement?.closest("#chats");
    if (isFree && matchMedia("(min-width: 760px)").matches) area.focus();
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-accepted", "data-chat", "data-account", "data-follows"],
  });
})();

/* Forms beyond the platform: what the page's address says goes along, and one that is too long for the websocket
   says so, instead of being cut off with all that was typed. */
(() => {
  "use strict";

  const on = (type, act) => document.addEventListener(type, act, true);
  const asked = () => new URLSearchParams(location.search);

  /* What the address says, as names: components.css shows by it what needs one of them. */
  document.documentElement.dataset.asked = [...asked().keys()].join(" ");

  /* A field with data-from-address goes with what the page's address says of its name. */
  on("formdata", ({ target, formData }) => {
    for (const field of target.querySelectorAll("[data-from-address]"))
      formData.set(field.name, asked().get(field.name) ?? "");
  });

  /* As kernel/websockets.py counts it (MOST_BYTES), without what goes with each event. */
  const MOST = 30000;
  const sentence = (excess) =>
    `This is too long to be sent at once: make it about ${excess.toLocaleString("en")} characters shorter.`;

  function sizeOf(field) {
    if (!field.name || field.disabled || typeof field.value !== "string" || field.type === "file") return 0;
    // What has an id of another name is sent by both.
    return JSON.stringify(field.value).length * (field.id && field.id !== field.name ? 2 : 1);
  }

  on("submit", (event) => {
    // The browser posts the others itself, and not over the websocket.
    if (event.target.hasAttribute("action")) return;
    const fields = [...event.target.elements].map((field) => [sizeOf(field), field]);
    const excess = fields.reduce((sum, [size]) => sum + size, 0) - MOST;
    if (excess <= 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const [, longest] = fields.reduce((most, each) => (each[0] > most[0] ? each : most));
    longest.setCustomValidity(sentence(excess));
    longest.reportValidity();
    longest.addEventListener("input", () => longest.setCustomValidity(""), { once: true });
  });
})();

/* What is pressed before the page's own scripts have taken an element over is pressed again when they have: until then
   its button would do nothing, and its form would go into the address, as forms do by themselves. */
(() => {
  "use strict";

  const isTaken = (element) => Object.keys(element).some((key) => key.startsWith("__reactProps"));
  const awaited = new WeakSet();

  function pressLater(element, press) {
    if (awaited.has(element)) return;
    awaited.add(element);
    const wait = setInterval(() => {
      if (element.isConnected && !isTaken(element)) return;
      clearInterval(wait);
      awaited.delete(element);
      if (element.isConnected) press();
    }, 50);
  }

  addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      // One with an address is posted by the browser.
      if (form.hasAttribute("action") || isTaken(form)) return;
      event.preventDefault();
      pressLater(form, () => form.requestSubmit());
    },
    true,
  );

  addEventListener(
    "click",
    (event) => {
      const pressed = event.target instanceof Element && event.target.closest("button, input");
      if (!pressed || isTaken(pressed)) return;
      // What the browser does by itself for these is not to be done twice.
      if (pressed.matches("[popovertarget], [data-clicks], input:not([type=radio], [type=checkbox])")) return;
      if (pressed.type === "submit" && pressed.form) return;
      if (pressed.matches("input")) event.preventDefault();
      pressLater(pressed, () => pressed.click());
    },
    true,
  );
})();

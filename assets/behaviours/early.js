/* What is pressed before the page's own scripts have taken an element over is pressed again when they have: until then
   its button would do nothing, and its form would go into the address, as forms do by themselves. */
(() => {
  "use strict";

  const named = (element, prefix) => Object.keys(element).find((key) => key.startsWith(prefix));

  /* React marks its elements one by one, and only when it has taken over all of them it hears what is pressed: a
     choice that is made in between it takes for the one that was there. */
  function isTaken(element) {
    const root = document[named(document, "__reactContainer")]?.stateNode?.current?.memoizedState;
    return Boolean(named(element, "__reactProps")) && !root?.isDehydrated;
  }

  /* Text that the server has rendered is put in as it is: React never takes over what stands in it. */
  function isRendered(element) {
    for (let around = element.parentElement; around; around = around.parentElement) {
      const props = around[named(around, "__reactProps")];
      if (props) return Boolean(props.dangerouslySetInnerHTML);
    }
    return false;
  }

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
      if (!pressed || isTaken(pressed) || isRendered(pressed)) return;
      // What the browser does by itself for these is not to be done twice.
      if (pressed.matches("[popovertarget], [data-clicks], input:not([type=radio], [type=checkbox])")) return;
      if (pressed.type === "submit" && pressed.form) return;
      if (pressed.matches("input")) event.preventDefault();
      pressLater(pressed, () => pressed.click());
    },
    true,
  );
})();

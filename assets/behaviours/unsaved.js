/* Asks before a form with data-unsaved="true" is left: links of ours by our own question, the rest by the browser's. */
(() => {
  "use strict";

  const FOLLOWED_WITHIN = 2000;
  const changed = () => document.querySelector("form[data-unsaved=true]");
  let wanted = null;
  let leftAt = -FOLLOWED_WITHIN;
  const isLeaving = () =>
    "leaving" in document.documentElement.dataset || performance.now() - leftAt < FOLLOWED_WITHIN;

  // At once: the state of the page may hear of it late, or not while the connection is away.
  document.addEventListener(
    "input",
    ({ target }) => {
      const form = target instanceof Element ? target.closest("form[data-unsaved]") : null;
      if (form) form.dataset.unsaved = "true";
    },
    true,
  );

  addEventListener("beforeunload", (event) => {
    if (changed() && !isLeaving()) event.preventDefault();
  });

  document.addEventListener(
    "click",
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const question = document.getElementById(changed()?.dataset.asks ?? "");
      if (wanted && question?.contains(target) && target.closest("button:not([data-first])")) {
        const link = wanted;
        wanted = null;
        // Once the question is closed, and has given the focus back.
        setTimeout(() => {
          leftAt = performance.now();
          link.click();
        });
        return;
      }
      const link = target?.closest("a[href]");
      if (!link || !question || isLeaving() || link.target || event.button) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      if (link.origin !== location.origin || link.pathname === location.pathname) return;
      event.preventDefault();
      event.stopPropagation();
      wanted = link;
      // Where the palette is open, it closes with this press.
      setTimeout(() => question.showModal());
    },
    true,
  );
})();

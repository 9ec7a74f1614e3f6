/* Sessions in an open page: renewed before they run out, and what one tab of a browser tells the others, so that
   none goes on showing what its session may no longer see. Tabs of other browsers learn of it with their next event. */
(() => {
  "use strict";

  const on = (type, act) => document.addEventListener(type, act, true);

  /* Whose page this is: an element with data-account and data-workspace, absent while nobody's content is shown. */

  const shown = () => document.querySelector("[data-account]")?.dataset;
  const isPinned = () => new URLSearchParams(location.search).has("workspace");
  const isTyping = () => Boolean(document.querySelector("[data-unsaved=true]"));
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("helpninja") : null;

  function leave(go) {
    document.body.hidden = true;
    document.documentElement.dataset.leaving = "";
    go();
  }

  const toSignIn = () => {
    const page = location.pathname.replace(/\/+$/, "");
    location.replace(`/sign-in?next=${encodeURIComponent(page)}`);
  };

  /* Ask the server, which alone knows; true when this page is left. */
  let isAsking = false;
  async function check() {
    if (isAsking || !shown()) return false;
    isAsking = true;
    const answer = await fetch("/api/auth/me", { cache: "no-store" }).catch(() => null);
    const person = answer?.ok ? (await answer.json().catch(() => null))?.user : null;
    isAsking = false;
    const mine = shown();
    if (!mine) return false;
    if (answer?.status === 401) leave(toSignIn);
    else if (person && person.email !== mine.account) leave(() => location.reload());
    else return false;
    return true;
  }

  /* Somebody is signing out in another tab: the server answers them while we ask. */
  async function checkUntilOut() {
    for (let tries = 0; tries < 20; tries += 1) {
      if (await check()) return;
      await new Promise((then) => setTimeout(then, 250));
    }
  }

  channel?.addEventListener("message", ({ data }) => {
    const mine = shown();
    if (!mine) return;
    if (data.isSigningOut) checkUntilOut();
    else if (data.account !== mine.account) check();
    // What is being typed is kept; the server does nothing of it in another workspace.
    else if (data.workspace !== mine.workspace && !isPinned() && !isTyping()) leave(() => location.reload());
  });

  on("submit", (event) => {
    if (event.target.matches("[action$='/api/auth/sign-out']")) channel?.postMessage({ isSigningOut: true });
  });

  on("visibilitychange", () => document.hidden || check());
  addEventListener("pageshow", (event) => event.persisted && check());

  let told = "";
  new MutationObserver(() => {
    const mine = shown();
    const now = mine?.workspace ? `${mine.account} ${mine.workspace}` : told;
    if (now === told) return;
    told = now;
    channel?.postMessage({ account: mine.account, workspace: mine.workspace });
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-account", "data-workspace"],
  });

  /* A session that runs out, as Supabase's do: a page with data-renews asks for it to be renewed now and again.
     On the sign-in page the attribute says where somebody came from, who need not sign in again. */

  const RENEWED_EVERY = 5 * 60 * 1000;
  let askedAt = 0;
  async function renew() {
    const mark = document.querySelector("[data-renews]");
    if (!mark || document.hidden || Date.now() - askedAt < RENEWED_EVERY) return;
    askedAt = Date.now();
    const next = mark.dataset.renews;
    const answer = await fetch("/api/auth/refresh", { method: "POST" }).catch(() => null);
    const isNew = Date.now() - Number(sessionStorage.getItem("renewed") ?? 0) > 60000;
    if (!answer?.ok || !next || !isNew) return;
    sessionStorage.setItem("renewed", String(Date.now()));
    location.assign(next);
  }
  setInterval(renew, 1000);
})();

/* Many files at once on the Knowledge screen: refused here where the reason is known, else posted to /api/upload. */
(() => {
  "use strict";

  const AT_ONCE = 3;
  const root = () => document.querySelector("[data-uploads]");
  const part = (name) => root()?.querySelector(`[${name}]`);
  const waiting = [];
  let running = 0;
  let asked = [];
  let done = 0;

  function open() {
    const dialog = document.getElementById("uploads");
    if (dialog && !dialog.open && !document.querySelector("dialog:modal")) dialog.showModal();
  }

  /* Why a file is not even sent, and whether a larger plan would help; the server's own words. */
  function refusal(file) {
    const { most, refusals, suffixes } = root().dataset;
    const suffix = /\.[^.]*$/.exec(file.name)?.[0].toLowerCase() ?? "";
    if (!suffixes.split(",").includes(suffix)) {
      return [
        `Files of the type ${suffix.slice(0, 20) || "without an ending"} are not supported. Use PDF, DOCX, Markdown, text, HTML or CSV.`,
      ];
    }
    if (refusals && file.size > Number(most)) {
      return JSON.parse(refusals).find(([size]) => size === null || file.size <= size).slice(1);
    }
    return [file.size ? "" : "This file is empty."];
  }

  function summarise() {
    const rows = [...(part("data-uploads-rows")?.children ?? [])];
    const count = (state) => rows.filter((row) => row.dataset.state === state).length;
    const parts = [`${count("stored")} of ${rows.length} uploaded`];
    if (count("refused")) parts.push(`${count("refused")} not taken`);
    const summary = part("data-uploads-summary");
    if (summary) summary.textContent = `${parts.join(", ")}.`;
  }

  function settle(row, state, sentence, isByPlan = false) {
    row.dataset.state = state;
    row.querySelector("[data-larger-plan]").hidden = !isByPlan;
    const result = row.querySelector("[data-result]");
    result.textContent = sentence;
    result.toggleAttribute("data-failed", state === "refused");
    row.querySelector("[data-cancels]").hidden = true;
    row.querySelector("[data-bar]").hidden = true;
    summarise();
  }

  function add(file, audience) {
    const row = root().querySelector("[data-upload-row]").cloneNode(true);
    row.querySelector("[data-name]").textContent = file.name;
    row.dataset.state = "waiting";
    part("data-uploads-rows").append(row);
    const [reason, isByPlan] = refusal(file);
    if (reason) return settle(row, "refused", reason, isByPlan);
    row.querySelector("[data-result]").textContent = "Waiting";
    const upload = { file, audience, row, request: null };
    row.querySelector("[data-cancels]").setAttribute("aria-label", `Cancel the upload of ${file.name}`);
    row.querySelector("[data-cancels]").addEventListener("click", () => {
      if (upload.request) upload.request.abort();
      else waiting.splice(waiting.indexOf(upload), 1);
      settle(row, "cancelled", "Cancelled");
    });
    waiting.push(upload);
    summarise();
  }

  function next() {
    while (running < AT_ONCE && waiting.length) send(waiting.shift());
  }

  function send(upload) {
    const { file, audience, row } = upload;
    const request = (upload.request = new XMLHttpRequest());
    const body = new FormData();
    body.append("audience", audience);
    body.append("file", file, file.name);
    const workspace = document.querySelector("[data-workspace]")?.dataset.workspace;
    running += 1;
    row.querySelector("[data-result]").textContent = "Uploading";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      row.querySelector("[data-bar]").value = total ? Math.round((100 * loaded) / total) : 0;
      if (loaded !== total) return;
      row.querySelector("[data-result]").textContent = "Looking at it";
      // It cannot be taken back from here any more.
      row.querySelector("[data-cancels]").hidden = true;
    });
    request.addEventListener("loadend", () => {
      running -= 1;
      if (request.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      else if (row.dataset.state !== "cancelled") finish(row, request);
      next();
      if (!running && done) {
        done = 0;
        document.getElementById("uploads-again")?.click();
      }
    });
    request.open("POST", `/api/upload?tenantId=${encodeURIComponent(workspace ?? "")}`);
    request.send(body);
  }

  function finish(row, request) {
    if (request.status === 200) {
      done += 1;
      settle(row, "stored", "Uploaded. It is being read now.");
      return;
    }
    let problem = {};
    try {
      problem = JSON.parse(request.responseText);
    } catch {
      // No answer, or not one of ours.
    }
    const lost = "The connection was lost. Nothing was stored; choose the file again.";
    settle(row, "refused", problem.detail || lost, Boolean(problem.billing));
  }

  function take(files, audience) {
    for (const file of files) add(file, audience);
    next();
  }

  /* Ask before anything becomes public. */
  function offer(files) {
    if (!files.length || !root()) return;
    const audience = document.getElementById("uploads-audience")?.value ?? "members";
    if (audience !== "visitors") {
      open();
      take(files, audience);
      return;
    }
    asked = files;
    const names = files.map((file) => file.name);
    part("data-uploads-names").textContent =
      names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "") + ".";
    document.getElementById("uploads-public").showModal();
  }

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("#uploads-public button") : null;
    if (!button || !asked.length) return;
    const files = asked;
    asked = [];
    if (!button.matches("[data-first]")) {
      open();
      take(files, "visitors");
    }
  });

  document.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.type !== "file" || !target.closest("[data-uploads]")) return;
    const files = [...target.files];
    target.value = "";
    offer(files);
  });

  const brings = (event) => root() && event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (brings(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    offer([...event.dataTransfer.files]);
  });

  addEventListener("beforeunload", (event) => {
    if (running || waiting.length) event.preventDefault();
  });
})();

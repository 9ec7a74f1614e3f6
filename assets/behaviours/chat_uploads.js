/* Files that are chosen or dropped on the chat page: each is posted to /api/upload, and then asked about in the chat
   whose composer took it. */
(() => {
  "use strict";

  const picked = () => document.getElementById("chat-files");
  const waiting = [];
  let sent = null;

  function part(tag, className, text = "") {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function add(file) {
    const row = part("li", "chat-upload");
    const result = part("span", "chat-upload-result", "Waiting");
    const bar = document.createElement("progress");
    const dismiss = part("button", "chat-upload-dismiss", "×");
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", `Upload of ${file.name}`);
    dismiss.type = "button";
    dismiss.setAttribute("aria-label", `Cancel the upload of ${file.name}`);
    row.append(part("span", "chat-upload-name", file.name), bar, result, dismiss);
    row.lastChild.before(part("span", "chat-upload-audience", "For all members"));
    const upload = { file, row, result, bar, request: null, opening: "", chat: "", isUnwanted: false };
    dismiss.addEventListener("click", () => {
      if (waiting.includes(upload)) waiting.splice(waiting.indexOf(upload), 1);
      row.remove();
      upload.isUnwanted = true;
      upload.request?.abort();
    });
    document.getElementById("chat-uploads").append(row);
    const { most, refusals } = picked().dataset;
    if (refusals && file.size > Number(most)) {
      refuse(upload, ...JSON.parse(refusals).find(([size]) => size === null || file.size <= size).slice(1));
    } else waiting.push(upload);
  }

  function refuse({ row, result, bar }, sentence, isByPlan = false) {
    bar.remove();
    row.querySelector(".chat-upload-audience").remove();
    row.dataset.failed = "";
    result.textContent = sentence;
    const way = isByPlan && document.getElementById("chat-larger-plan");
    if (way) {
      const shown = part("span", "chat-upload-plan");
      shown.dataset.largerPlan = "";
      shown.append(...way.cloneNode(true).childNodes);
      result.after(shown);
    }
    const dismiss = row.querySelector(".chat-upload-dismiss");
    dismiss.hidden = false;
    dismiss.setAttribute("aria-label", "Close the message");
  }

  function next() {
    if (sent || !waiting.length) return;
    sent = waiting.shift();
    send(sent);
  }

  function send(upload) {
    const request = (upload.request = new XMLHttpRequest());
    const body = new FormData();
    const workspace = document.querySelector("[data-workspace]")?.dataset.workspace ?? "";
    body.append("audience", "members");
    body.append("file", upload.file, upload.file.name);
    upload.result.textContent = "Uploading";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      upload.bar.value = total ? Math.round((100 * loaded) / total) : 0;
      if (loaded !== total) return;
      upload.result.textContent = "Looking at it";
      // It cannot be taken back from here any more.
      upload.row.querySelector(".chat-upload-dismiss").hidden = true;
    });
    request.addEventListener("loadend", () => {
      sent = null;
      if (request.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      else if (!upload.isUnwanted) finish(upload, request);
      next();
    });
    request.open("POST", `/api/upload?tenantId=${encodeURIComponent(workspace)}`);
    request.send(body);
  }

  /* To whoever left the page, in the server's words. */
  const say = (id) => document.getElementById(id)?.click();

  function finish(upload, request) {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // No answer, or not one of ours.
    }
    const form = document.getElementById("chat-uploaded");
    if (request.status !== 200) {
      const lost = "The connection was lost. Nothing was stored; choose the file again.";
      refuse(upload, answer.detail || lost, Boolean(answer.billing));
      if (!upload.row.isConnected) say("say-not-uploaded");
    } else if (form) {
      upload.row.remove();
      form.elements.document.value = answer.documentId;
      form.elements.opening.value = upload.opening;
      form.elements.chat.value = upload.chat;
      form.requestSubmit();
    } else say("say-uploaded");
  }

  /* What took a file is the chat that is shown then, or, of a page that is not read yet, the one that is shown next.
     It may be begun meanwhile, and be named from then on. */
  function name() {
    const { opening, chat } = document.getElementById("composer")?.dataset ?? {};
    if (!opening) return;
    for (const upload of sent ? [sent, ...waiting] : waiting) {
      if (!upload.opening || upload.opening === opening) Object.assign(upload, { opening, chat });
    }
  }

  new MutationObserver(name).observe(document, {
    subtree: true,
    attributes: true,
    attributeFilter: ["data-opening", "data-chat"],
  });

  function take(files) {
    for (const file of files) add(file);
    name();
    next();
  }

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-picks=chat-files]") : null;
    if (button) picked().click();
  });

  document.addEventListener("change", ({ target }) => {
    if (target.id !== "chat-files") return;
    const files = [...target.files];
    target.value = "";
    take(files);
  });

  const brings = (event) => picked() && event.dataTransfer?.types.includes("Files");
  const mark = (isOver) => document.getElementById("composer")?.toggleAttribute("data-dropping", isOver);
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
  document.addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    mark(false);
    take([...event.dataTransfer.files]);
  });

  addEventListener("beforeunload", (event) => {
    if (sent || waiting.length) event.preventDefault();
  });
})();

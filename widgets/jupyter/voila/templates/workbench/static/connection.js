// What a page does by itself: it says when its kernel or the way to it is gone, it keeps in its address what is being
// looked at, and it hides the sign of loading once there is something to see. Loaded before everything else.
(() => {
  "use strict";

  const GRACE = 2000; // a socket that is opened again so soon was not lost
  const RETRY = 2500;
  const HEARTBEAT = 20000; // a cable that is pulled closes no socket
  const SAID = {
    dead: "The program behind this page has ended, and its buttons do nothing any more.",
    lost: "The connection to this page is lost. It is tried again by itself.",
    out: "You have been logged out.",
    broken: "This page could not be made.",
    waiting: "The server does not answer yet. The page opens again as soon as it does.",
  };
  let trouble = "";
  let open = 0;
  let leaving = false;

  const config = () => {
    const found = document.getElementById("jupyter-config-data");
    return found ? JSON.parse(found.textContent) : null;
  };

  // ---- What is said -------------------------------------------------------------------------------------------------

  function tell(kind) {
    if (leaving || trouble === kind || (trouble === "dead" && kind === "lost")) return;
    trouble = kind;
    const place = document.getElementById("connection");
    if (!place) return;
    place.replaceChildren();
    if (!kind) return;
    const text = document.createElement("p");
    text.textContent = `${SAID[kind]} Runs go on in the service; Reconnect shows the same run again.`;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "again";
    button.textContent = "Reconnect";
    button.addEventListener("click", reconnect);
    place.append(text, button);
  }

  async function reconnect() {
    for (;;) {
      const found = await answer();
      if (found !== "lost") break;
      tell("waiting");
      await new Promise((go) => setTimeout(go, RETRY));
    }
    leaving = true;
    window.location.reload();
  }

  // ---- Whether the kernel is there ------------------------------------------------------------------------------------

  async function answer() {
    const known = config();
    if (!known) return "";
    try {
      const url = `${known.baseUrl}api/kernels/${known.kernelId}`;
      const mark = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/);
      const headers = mark ? {"X-XSRFToken": decodeURIComponent(mark[1])} : {};
      const asked = {cache: "no-store", redirect: "manual", headers, signal: AbortSignal.timeout(8000)};
      const found = await fetch(url, asked);
      if (found.status === 404) return "dead";
      if (found.type === "opaqueredirect" || found.status === 401 || found.status === 403) return "out";
      return found.ok ? "" : "lost";
    } catch {
      return "lost";
    }
  }

  async function look() {
    if (leaving || document.visibilityState === "hidden") return;
    const found = await answer();
    if (found) tell(found);
    else if (trouble !== "dead" && trouble !== "waiting" && open > 0) tell("");
  }

  setInterval(look, HEARTBEAT);
  setInterval(() => trouble && trouble !== "dead" && look(), RETRY);
  window.addEventListener("offline", () => tell("lost"));
  window.addEventListener("online", look);
  window.addEventListener("beforeunload", () => { leaving = true; setTimeout(() => { leaving = false; }, 3000); });

  // ---- The kernel's socket --------------------------------------------------------------------------------------------

  // What a message says of the kernel's state. Text is JSON; else the message begins with the number of its offsets
  // and the offsets of channel, header, parent, metadata and content, 8 bytes each, little-endian.
  const decoder = new TextDecoder();
  function stateIn(data) {
    if (typeof data === "string") {
      const message = data.includes('"execution_state"') ? JSON.parse(data) : null;
      return message && message.header.msg_type === "status" ? message.content.execution_state : "";
    }
    if (!(data instanceof ArrayBuffer) || data.byteLength > 8192) return "";
    const view = new DataView(data);
    const at = (part) => Number(view.getBigUint64(8 * (part + 1), true));
    const read = (part) => JSON.parse(decoder.decode(data.slice(at(part), at(part + 1))));
    return read(1).msg_type === "status" ? read(4).execution_state : "";
  }

  function watch(socket) {
    socket.addEventListener("open", () => {
      open += 1;
      if (trouble === "lost") tell("");
    });
    socket.addEventListener("close", () => {
      open = Math.max(open - 1, 0);
      setTimeout(async () => { if (open === 0 && !leaving) tell((await answer()) || "lost"); }, GRACE);
    });
    socket.addEventListener("message", (message) => {
      const state = socket.protocol || typeof message.data === "string" ? stateIn(message.data) : "";
      if (state === "restarting" || state === "autorestarting" || state === "dead") tell("dead");
    });
  }

  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(url, protocols) {
      super(url, protocols);
      if (String(url).includes("/api/kernels/")) watch(this);
    }
  };

  // ---- The address, and what pages lack -------------------------------------------------------------------------------

  function showAddress() {
    const marker = document.querySelector("[data-address]");
    if (!marker) return;
    const query = marker.dataset.address ? `?${marker.dataset.address}` : "";
    if (window.location.search !== query) window.history.replaceState(null, "", window.location.pathname + query);
    for (const link of document.querySelectorAll("a[data-page]")) link.search = query;
  }

  // Drawings are named by their titles; their numbers are in the tables under them.
  function nameFigures() {
    for (const drawing of document.querySelectorAll(".bqplot > svg:not([role]), .bqplot svg.svg-figure:not([role])")) {
      const title = drawing.querySelector(".mainheading");
      drawing.setAttribute("role", "img");
      drawing.setAttribute("aria-label", `${title ? title.textContent : "Figure"}: its numbers are in the table below`);
    }
  }

  // Cells are shown once a panel of them is drawn, or, when none will be, with what they say instead.
  let finished = false;
  function showCells() {
    const cells = document.getElementById("cells");
    if (!cells || !cells.hidden) return;
    const drawn = cells.querySelector(".jupyter-widgets button, .jupyter-widgets input, .jupyter-widgets table");
    const coming = cells.querySelector('script[type="application/vnd.voila.cell-output+json"], .jp-OutputArea-output[data-mime-type*="widget"]');
    if (!drawn && (coming || !finished)) return;
    cells.hidden = false;
    document.getElementById("loading").hidden = true;
    if (!drawn && cells.querySelector('[data-mime-type$="stderr"]')) tell("broken");
  }

  // Voila's own names: it calls the first with every cell, the second when all are there.
  window.voila_process = () => {};
  window.voila_heartbeat = () => {};
  window.update_loading_text = (_cell, _count, said) => {
    const place = document.getElementById("loading_text");
    if (place && said) place.textContent = said;
  };
  window.voila_finish = window.display_cells = () => {
    const place = document.getElementById("loading_text");
    if (place) place.textContent = "Nearly there …";
    finished = true;
    showCells();
  };

  document.addEventListener("DOMContentLoaded", () => {
    if (!window.location.pathname.endsWith(".ipynb")) document.querySelector("nav[aria-label=Pages]").remove();
    const seen = new MutationObserver(() => { showCells(); showAddress(); nameFigures(); });
    seen.observe(document.getElementById("content"), {childList: true, subtree: true});
  });
})();

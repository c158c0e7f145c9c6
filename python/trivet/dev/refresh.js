// Keeps a page up to date with the code that made it. `trivet dev` puts it into pages; production
// has none of it. The same file is loaded twice: as a script in each tab, and as the shared worker
// that holds the one connection for all of them.
"use strict";
(() => {
  const FIRST_PAUSE_MS = 100;
  const LONGEST_PAUSE_MS = 2000;

  // Listens to the server for ever. While the server changes its code the connection waits, and
  // the greeting comes from the new code.
  function listen(url, tell) {
    let pause = FIRST_PAUSE_MS;
    (function connect() {
      const source = new EventSource(url);
      source.onmessage = (event) => {
        pause = FIRST_PAUSE_MS;
        tell(JSON.parse(event.data));
      };
      source.onerror = () => {
        source.close();
        tell({ kind: "lost" });
        setTimeout(connect, pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      };
    })();
  }

  const eventsBeside = (script) => new URL("events", script).href;

  if (typeof SharedWorkerGlobalScope !== "undefined" && self instanceof SharedWorkerGlobalScope) {
    const ports = new Set();
    let greeting = null;
    self.onconnect = (event) => {
      const port = event.ports[0];
      ports.add(port);
      port.onmessage = () => ports.delete(port); // the only thing that a tab says is that it goes
      if (greeting) port.postMessage(greeting);
    };
    listen(eventsBeside(self.location.href), (news) => {
      if (news.kind === "hello") greeting = news;
      else if (news.generation) greeting = { ...greeting, generation: news.generation };
      for (const port of ports) port.postMessage(news);
    });
    return;
  }

  const tag = document.currentScript;
  if (!tag || window.trivetRefresh) return;
  window.trivetRefresh = true;
  const { generation, method } = tag.dataset;
  const base = new URL(".", tag.src);

  // --- one connection for all tabs ----------------------------------------------------------

  function subscribe(tell) {
    if (window.SharedWorker) {
      try {
        const worker = new SharedWorker(tag.src, "trivet-refresh");
        worker.port.onmessage = (event) => tell(event.data);
        // A policy of the page may forbid workers; then it may still allow connections.
        worker.onerror = () => subscribeWithLock(tell);
        addEventListener("pagehide", (event) => {
          if (!event.persisted) worker.port.postMessage("bye");
        });
        return;
      } catch {
        // forbidden: as without it
      }
    }
    subscribeWithLock(tell);
  }

  // Without shared workers one tab listens for the others; when it goes, the lock finds the next.
  function subscribeWithLock(tell) {
    const url = eventsBeside(tag.src);
    if (!navigator.locks || !window.BroadcastChannel) return listen(url, tell);
    const channel = new BroadcastChannel("trivet-refresh");
    let greeting = null;
    let leads = false;
    channel.onmessage = ({ data }) => {
      if (data !== "greet me") tell(data);
      else if (leads && greeting) channel.postMessage(greeting);
    };
    channel.postMessage("greet me");
    navigator.locks.request("trivet-refresh", () => {
      leads = true;
      listen(url, (news) => {
        if (news.kind === "hello") greeting = news;
        else if (news.generation) greeting = { ...greeting, generation: news.generation };
        channel.postMessage(news);
        tell(news);
      });
      return new Promise(() => {});
    });
  }

  // --- what is done with the news -----------------------------------------------------------

  const RELOADED_FOR = "trivet-reloaded-for";
  const SCROLLED_TO = "trivet-scrolled-to";

  const remembered = (key) => {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null; // a sandboxed page has no storage
    }
  };
  const remember = (key, value) => {
    try {
      sessionStorage.setItem(key, value);
    } catch {
      // as above
    }
  };

  let current = generation;

  function onNews(news) {
    if (news.kind === "hello") tag.dataset.listens = "";
    if (!news.generation || news.generation === current) return;
    current = news.generation;
    if (news.kind === "hello") {
      // Also what changed before this page began to listen. A page that comes from a cache has an old number, also after it was loaded again.
      if (remembered(RELOADED_FOR) !== current) reload(current);
    } else if (news.kind === "css") {
      swapStyleSheets(news.paths || []);
    } else if (news.kind === "reload") {
      reload(current);
    }
  }

  function reload(reason) {
    if (method) {
      // Loading it again would send the form again.
      showBadge("the code has changed; this page came from a form", "load it again", location.href);
      return;
    }
    remember(RELOADED_FOR, reason);
    remember(SCROLLED_TO, JSON.stringify([location.href, scrollX, scrollY]));
    location.reload();
  }

  function scrollBack() {
    const kept = remembered(SCROLLED_TO);
    if (!kept) return;
    remember(SCROLLED_TO, "");
    const [url, left, top] = JSON.parse(kept);
    if (url === location.href) scrollTo({ left, top, behavior: "instant" });
  }

  function swapStyleSheets(paths) {
    const names = paths.map((path) => path.split("/").pop());
    const links = [...document.querySelectorAll('link[rel~="stylesheet"][href]')].filter(
      (link) => !link.dataset.trivetOld && new URL(link.href).origin === location.origin,
    );
    const named = links.filter((link) => names.includes(new URL(link.href).pathname.split("/").pop()));
    // What is linked under no such name may be imported by any of them.
    for (const link of named.length ? named : links) swap(link);
  }

  function swap(link) {
    const next = link.cloneNode();
    const url = new URL(link.href);
    url.searchParams.set("trivet", Date.now().toString(36));
    next.nonce = link.nonce;
    next.removeAttribute("integrity"); // of the text as it was
    next.href = url.href;
    link.dataset.trivetOld = "1";
    // The old one stays until the new one is there: the page never stands without style.
    next.onload = () => link.remove();
    next.onerror = () => {
      delete link.dataset.trivetOld;
      next.remove();
    };
    link.after(next);
  }

  // --- errors of requests that the page makes ------------------------------------------------

  let failures = 0;

  function onAnswer(status, errorId, requested, url) {
    if (status < 500) return;
    failures += 1;
    const count = failures > 1 ? ` (${failures})` : "";
    const link = errorId ? new URL(`errors/${encodeURIComponent(errorId)}`, base).href : null;
    showBadge(`${status}  ${requested} ${new URL(url, location.href).pathname}${count}`, "show the error", link);
  }

  const ownOrigin = (url) => new URL(url, location.href).origin === location.origin;

  const plainFetch = window.fetch;
  if (plainFetch) {
    window.fetch = async function (...args) {
      const answer = await plainFetch.apply(this, args);
      try {
        const asked = args[0] instanceof Request ? args[0] : null;
        const requested = (args[1]?.method || asked?.method || "GET").toUpperCase();
        if (ownOrigin(answer.url)) {
          onAnswer(answer.status, answer.headers.get("X-Trivet-Error"), requested, answer.url);
        }
      } catch {
        // the page must not notice us
      }
      return answer;
    };
  }

  const plainOpen = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (requested, url, ...rest) {
    this.addEventListener("loadend", () => {
      if (this.status >= 500 && ownOrigin(this.responseURL || url)) {
        onAnswer(this.status, this.getResponseHeader("X-Trivet-Error"), requested.toUpperCase(), url);
      }
    });
    return plainOpen.call(this, requested, url, ...rest);
  };

  // A policy may forbid style elements and attributes; setting properties is always allowed.
  const styled = (element, properties) => Object.assign(element.style, properties) && element;

  function showBadge(text, label, link) {
    document.querySelector("trivet-badge")?.remove();
    const badge = styled(document.createElement("trivet-badge"), {
      position: "fixed",
      right: "12px",
      bottom: "12px",
      zIndex: "2147483647",
      display: "flex",
      gap: "10px",
      alignItems: "center",
      maxWidth: "calc(100vw - 24px)",
      boxSizing: "border-box",
      padding: "8px 12px",
      borderRadius: "8px",
      background: "#b3261e",
      color: "#fff",
      font: "14px/1.4 system-ui, sans-serif",
      boxShadow: "0 2px 10px rgba(0, 0, 0, .35)",
    });
    badge.setAttribute("role", "status");
    const words = styled(document.createElement("span"), { overflowWrap: "anywhere" });
    words.textContent = text;
    badge.append(words);
    if (link) {
      const anchor = styled(document.createElement("a"), {
        color: "#fff",
        textDecoration: "underline",
        whiteSpace: "nowrap",
      });
      anchor.href = link;
      if (link !== location.href) anchor.target = "_blank";
      anchor.textContent = label;
      badge.append(anchor);
    }
    const close = styled(document.createElement("button"), {
      all: "unset",
      cursor: "pointer",
      padding: "0 4px",
      outline: "revert",
    });
    close.type = "button";
    close.setAttribute("aria-label", "close");
    close.textContent = "×";
    close.onclick = () => {
      failures = 0;
      badge.remove();
    };
    badge.append(close);
    document.documentElement.append(badge);
  }

  // ------------------------------------------------------------------------------------------

  if (document.readyState === "complete") scrollBack();
  else addEventListener("load", scrollBack);
  subscribe(onNews);
})();

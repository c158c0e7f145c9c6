"use strict";
// What the page does beyond being read: copying, the console, the keyboard.
(() => {
  const base = document.documentElement.dataset.base;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const said = document.querySelector(".said");

  // --- copying -------------------------------------------------------------------------------
  const say = (text) => {
    if (!said) return;
    said.textContent = text;
    setTimeout(() => { if (said.textContent === text) said.textContent = ""; }, 2500);
  };
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // Not a secure context, such as a page seen from another machine.
      source.closest("details").open = true;
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    say("Copied");
  };
  all("[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  });

  // --- console -------------------------------------------------------------------------------
  const post = (path, value) => fetch(`${base}/-/trivet/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });

  const print = (out, text, kind) => {
    if (!text) return;
    const line = document.createElement("pre");
    line.className = kind;
    line.textContent = text.replace(/\n$/, "");
    out.append(line);
    out.scrollTop = out.scrollHeight;
  };

  const askForToken = (form, reason, again) => {
    all(".unlock", form).forEach((old) => old.remove());
    const box = document.createElement("div");
    box.className = "unlock";
    const label = document.createElement("span");
    label.textContent = reason === "the token is wrong" ? "That is not it. Token:" : "Token from the terminal:";
    const input = document.createElement("input");
    input.type = "password";
    input.autocomplete = "off";
    input.setAttribute("aria-label", "Token from the terminal");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = "Unlock";
    const unlock = async () => {
      // The terminal shows a link; what is pasted may be all of it.
      const token = input.value.trim().replace(/^.*[?&]token=/, "");
      const answer = await post("unlock", { token });
      const value = await answer.json();
      if (answer.ok) { box.remove(); again(); return; }
      if (value.wants_token) askForToken(form, value.refused, again);
      else { box.remove(); print(form.querySelector(".out"), value.refused, "wrong"); }
    };
    button.addEventListener("click", unlock);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); unlock(); }
    });
    box.append(label, input, button);
    form.append(box);
    input.focus();
  };

  const console_ = (form) => {
    const out = form.querySelector(".out");
    const input = form.querySelector("textarea");
    const history = [];
    let place = 0;
    const fit = () => { input.style.height = "auto"; input.style.height = `${input.scrollHeight}px`; };
    const newLine = () => {
      const before = input.value.slice(0, input.selectionStart).split("\n").pop();
      const indent = before.match(/^\s*/)[0] + (before.trimEnd().endsWith(":") ? "    " : "");
      input.setRangeText(`\n${indent}`, input.selectionStart, input.selectionEnd, "end");
      fit();
    };
    const evaluate = async () => {
      const code = input.value.replace(/\s+$/, "");
      if (!code) return;
      input.readOnly = true;
      let answer, value;
      try {
        answer = await post("console", { frame: form.dataset.frame, code });
        value = await answer.json();
      } catch {
        print(out, "The server does not answer: it may be loading the changed code. Try again.", "wrong");
        return;
      } finally {
        input.readOnly = false;
      }
      if (value.wants_token) { askForToken(form, value.refused, evaluate); return; }
      if (value.incomplete) { input.setSelectionRange(input.value.length, input.value.length); newLine(); return; }
      history.push(code);
      place = history.length;
      print(out, code.split("\n").map((line, n) => (n ? "... " : ">>> ") + line).join("\n"), "typed");
      print(out, value.output, "value");
      print(out, value.error || value.refused, "wrong");
      input.value = "";
      fit();
      input.focus();
    };
    form.hidden = false;
    form.addEventListener("submit", (event) => { event.preventDefault(); evaluate(); });
    input.addEventListener("input", fit);
    input.addEventListener("keydown", (event) => {
      const lines = input.value.split("\n");
      const last = input.selectionStart === input.value.length;
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        const going = lines.length > 1 && lines[lines.length - 1].trim() !== "";
        if (event.shiftKey || (going && !event.ctrlKey && !event.metaKey)) newLine();
        else evaluate();
      } else if (event.key === "Tab" && !event.shiftKey && input.value) {
        event.preventDefault();
        input.setRangeText("    ", input.selectionStart, input.selectionEnd, "end");
      } else if (event.key === "Escape") {
        input.blur();
      } else if (event.key === "ArrowUp" && lines.length === 1 && place > 0) {
        event.preventDefault();
        input.value = history[--place];
        fit();
      } else if (event.key === "ArrowDown" && lines.length === 1 && last && place < history.length) {
        event.preventDefault();
        input.value = history[++place] ?? "";
        fit();
      } else if (event.key === "l" && event.ctrlKey) {
        event.preventDefault();
        out.replaceChildren();
      }
    });
  };
  all("form.console").forEach(console_);

  // --- keyboard ------------------------------------------------------------------------------
  const frames = () => all("details.frame").filter((frame) => frame.offsetParent !== null);
  let current = frames().find((frame) => frame.open);
  const move = (step) => {
    const seen = frames();
    const next = seen[Math.min(Math.max(seen.indexOf(current) + step, 0), seen.length - 1)];
    if (!next) return;
    current?.classList.remove("current");
    current = next;
    current.open = true;
    current.classList.add("current");
    current.querySelector("summary").focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  };
  const click = (selector) => document.querySelector(selector)?.click();
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    c: () => {
      const frame = current ?? frames()[0];
      if (frame) { frame.open = true; frame.querySelector(".console textarea")?.focus(); }
    },
    o: () => (current?.querySelector(".edit") ?? document.getElementById("open-editor"))?.click(),
    l: () => {
      const folds = all("details.library");
      const open = folds.some((fold) => !fold.open);
      folds.forEach((fold) => { fold.open = open; });
    },
    m: () => click('[data-copy="copy-markdown"]'),
    r: () => click("#again"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  all(".keys").forEach((shown) => { shown.hidden = false; });
})();

"use strict";
// Pages work without this. It searches while one types, and fits the frame of an article to its text.

for (const form of document.querySelectorAll("form[data-live]")) {
  let waiting = 0;
  let asked = null;
  const search = async () => {
    const pairs = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(pairs).toString();
    const address = form.getAttribute("action") + (query ? "?" + query : "");
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(address, { signal: asked.signal });
      if (!answer.ok) return;
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      const target = document.getElementById(form.dataset.live);
      const fresh = found.getElementById(form.dataset.live);
      if (!target || !fresh) return;
      target.replaceChildren(...fresh.childNodes);
      document.title = found.title;
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 200);
  };
  form.addEventListener("input", soon);
}

for (const frame of document.querySelectorAll("iframe.body")) {
  const fit = () => {
    // What the text takes, and not the frame around it, which may be taller.
    const root = frame.contentDocument?.documentElement;
    if (root) frame.style.height = Math.ceil(root.getBoundingClientRect().height) + 2 + "px";
  };
  const follow = () => {
    fit();
    const body = frame.contentDocument?.body;
    if (body) new ResizeObserver(fit).observe(body);
  };
  frame.addEventListener("load", follow);
  if (frame.contentDocument?.readyState === "complete") follow();
}

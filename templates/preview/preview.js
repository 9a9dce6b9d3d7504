// Live reload: what is saved is seen at once, where one is. Without this script the page is the
// same, and is loaded again by hand.
"use strict";
(() => {
  const QUIET_MS = 300; // of peace before the checks are run again
  const live = document.getElementById("live");
  let shown = document.body.dataset.count; // as of how many changes this page is
  let wanted = shown;
  let busy = false;
  let quiet = 0;
  let source = null;

  const parsed = async (url) => {
    const answer = await fetch(url, { headers: { "X-Live": "1" }, redirect: "follow" });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  // Puts a new letter into its frame where it stands: no blank page between, no jump to its top.
  const fillFrame = (frame, letter) => {
    const old = frame.contentDocument;
    if (!old || !old.documentElement || frame.contentWindow.location.href === "about:blank") return;
    if (old.documentElement.isEqualNode(letter.documentElement)) return;
    const { scrollX, scrollY } = frame.contentWindow;
    old.replaceChild(old.importNode(letter.documentElement, true), old.documentElement);
    frame.contentWindow.scrollTo(scrollX, scrollY);
  };

  // Replaces a part of the page when it differs; what is scrolled, open or focused stays so.
  const replace = (old, made) => {
    if (old.isEqualNode(made)) return;
    const scrolled = [...old.querySelectorAll("[id]")].map((each) => [each.id, each.scrollLeft, each.scrollTop]);
    const open = [...old.querySelectorAll("details[id][open]")].map((each) => each.id);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const path = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href"));
    for (const each of made.querySelectorAll("details[id]")) each.open = open.includes(each.id);
    old.replaceWith(document.adoptNode(made));
    for (const [id, left, top] of scrolled) {
      const each = document.getElementById(id);
      if (each && (left || top)) each.scrollTo(left, top);
    }
    if (path) {
      const again = path.startsWith("#") && document.querySelector(path);
      (again || [...made.querySelectorAll("a[href]")].find((a) => a.getAttribute("href") === path))?.focus({ preventScroll: true });
    }
  };

  const putPage = (page) => {
    document.title = page.title;
    const brand = page.getElementById("brand");
    const worn = document.getElementById("brand");
    if (brand && worn && brand.getAttribute("href") !== worn.getAttribute("href")) worn.replaceWith(document.adoptNode(brand));
    for (const old of document.querySelectorAll("[data-live]")) {
      const made = page.getElementById(old.id);
      if (made && old.id !== "checks") replace(old, made);
    }
    const view = document.getElementById("view");
    const made = page.getElementById("view");
    const frames = view && made && view.querySelector("iframe") && made.querySelector("iframe");
    if (view && made && !frames) replace(view, made);
    return page.body.dataset.count;
  };

  const isSame = (page) => Boolean(page.getElementById("view")) === Boolean(document.getElementById("view"));

  const refresh = async () => {
    if (busy) return; // whoever is at it looks again when it is done
    busy = true;
    try {
      while (wanted !== shown) {
        const frame = document.querySelector("#view iframe");
        const aim = wanted;
        const [page, letter] = await Promise.all([
          parsed(location.href),
          frame ? parsed(frame.src) : null,
        ]);
        if (!isSame(page)) return location.reload();
        shown = putPage(page);
        if (letter && letter.body) fillFrame(frame, letter);
        if (wanted === aim) wanted = shown; // it is as new as it was when it was asked for
      }
      clearTimeout(quiet);
      quiet = setTimeout(check, QUIET_MS);
    } catch {
      tell("The preview does not answer.");
    } finally {
      busy = false;
    }
  };

  const check = async () => {
    const panel = document.getElementById("checks");
    if (!panel) return;
    const answer = await fetch(panel.dataset.src, { headers: { "X-Live": "1" } }).catch(() => null);
    if (!answer || !answer.ok || busy) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const made = panel.cloneNode(false);
    made.replaceChildren(...[...found.body.childNodes].map((each) => document.adoptNode(each)));
    replace(panel, made);
  };

  const tell = (words) => {
    if (live && live.textContent !== words) live.textContent = words;
  };

  // A page nobody looks at listens to nothing: a browser opens six connections to a place, no more.
  const listen = () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (!source) {
      source = new EventSource("/events");
      source.onmessage = (event) => {
        tell("Live: what is saved is shown.");
        wanted = event.data;
        refresh();
      };
      source.onerror = () => tell("The preview has ended, or is begun again.");
    }
  };

  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => { source?.close(); source = null; });
  addEventListener("pageshow", listen);
  listen();
})();

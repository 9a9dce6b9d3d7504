/* One edition, quicker: acts and links of the page change only what they change. Without this file
   the same forms and links load whole pages. What somebody is typing is never touched. */
(function () {
  "use strict";
  var REGIONS = ["head", "answer", "order", "ledger", "inbox", "views", "letter", "checks", "size", "people", "gate"];
  var busy = null, wanted = "", next = "", stream = null;

  function root() { return document.getElementById("edition"); }
  function say(words) {
    var told = document.getElementById("answer"), line = document.createElement("p");
    line.className = "said trouble";
    line.textContent = words;
    told.replaceChildren(line);
  }

  // ---- what is being typed
  function isDirty(form) {
    if (form.dataset.kept) { return true; }
    return Array.from(form.elements).some(function (each) {
      if (each.type === "hidden" || each.disabled) { return false; }
      if (each.type === "checkbox") { return each.checked !== each.defaultChecked; }
      if (each.tagName === "SELECT") {
        return Array.from(each.options).some(function (o) { return o.selected !== o.defaultSelected; });
      }
      return "defaultValue" in each && each.value !== each.defaultValue;
    });
  }
  function key(form) { return form.id || (form.querySelector("[id]") || {}).id || ""; }
  function typedForms(sent) {
    return Array.from(root().querySelectorAll("form[data-live]")).filter(function (form) {
      return form !== sent && key(form) && isDirty(form);
    });
  }

  // ---- putting a new state of the page in place
  function swap(html, sent, done) {
    var parsed = new DOMParser().parseFromString(html, "text/html");
    var fresh = parsed.getElementById("edition"), now = root();
    if (!fresh) { return false; }
    var active = document.activeElement, id = active && active.id;
    var from = active && "selectionStart" in active && active.type !== "checkbox" ? active.selectionStart : null;
    var typed = typedForms(sent).map(function (form) { return { key: key(form), form: form }; });
    var opened = Array.from(now.querySelectorAll("details[open][id]")).map(function (each) { return each.id; });
    typed.forEach(function (each) {
      var there = fresh.querySelector("#" + CSS.escape(each.key));
      var form = there && (there.tagName === "FORM" ? there : there.closest("form"));
      if (form) { form.replaceWith(each.form); }
      else if (each.key === "editor") { keepEditor(fresh, each.form); }
    });
    REGIONS.forEach(function (name) {
      var old = now.querySelector("#" + name), made = fresh.querySelector("#" + name);
      if (!old || !made) { return; }
      if (name === "answer" && !sent && !made.children.length) { return; }
      if (name === "letter" && (sameLetter(old, made) || slide(old, made))) { return; }
      var top = old.scrollTop;
      old.className = made.className;
      old.replaceChildren.apply(old, Array.from(made.childNodes));
      old.scrollTop = top;
    });
    Object.keys(fresh.dataset).forEach(function (name) { now.dataset[name] = fresh.dataset[name]; });
    opened.forEach(function (each) {
      var box = document.getElementById(each);
      if (box && !(done && sent && each.indexOf("ask-") === 0)) { box.open = true; }
    });
    refocus(id, from);
    return true;
  }
  // The story that somebody rewords was taken out by another: what was typed stays in sight.
  function keepEditor(fresh, form) {
    var order = fresh.querySelector("#order .ord"), item = document.createElement("li");
    item.className = "open";
    item.append(form);
    order.prepend(item);
  }
  function refocus(id, from) {
    if (!id || (document.activeElement && document.activeElement.id === id)) { return; }
    var target = document.getElementById(id);
    if (!target || target.disabled) { target = nearest(id) || target; }
    if (!target) { return; }
    if (target.disabled) { target = document.getElementById("order"); }
    target.focus({ preventScroll: true });
    if (from !== null && "selectionStart" in target) { try { target.setSelectionRange(from, from); } catch (error) { return; } }
  }
  // A button that went, or can do no more, hands the focus to its neighbour.
  function nearest(id) {
    var found = /^(up|down|pin|drop|edit|reset)-c?(\d+)$/.exec(id);
    if (!found) { return id === "undo" ? document.getElementById("redo") : id === "redo" ? document.getElementById("undo") : null; }
    if (found[1] === "up") { return document.getElementById("down-" + found[2]); }
    if (found[1] === "down") { return document.getElementById("up-" + found[2]); }
    if (lastRow !== null) {
      var rows = document.querySelectorAll(".ord > li"), row = rows[Math.min(lastRow, rows.length - 1)];
      return row && row.querySelector("[id^='" + found[1] + "-'],[id^='pin-']");
    }
    return document.getElementById("ledger");
  }
  var lastRow = null;

  // ---- the letter: a new one is laid out behind the old one, and shown when it is there
  function src(box) { var frame = box.querySelector("iframe"); return frame ? frame.getAttribute("src") : null; }
  function sameLetter(old, next) {
    return src(next) !== null && src(old) === src(next) && old.className === next.className;
  }
  function slide(old, next) {
    var before = old.querySelector("iframe:not(.coming)"), after = next.querySelector("iframe");
    if (!before || !after) { return false; }
    old.querySelectorAll("iframe.coming").forEach(function (each) { each.remove(); });
    var frame = document.importNode(after, true);
    frame.classList.add("coming");
    frame.removeAttribute("id");
    frame.addEventListener("load", function () {
      if (!frame.isConnected || !frame.classList.contains("coming")) { return; }
      var top = scrolled(before);
      frame.contentWindow.scrollTo(0, top);
      frame.classList.remove("coming");
      frame.id = "frame";
      before.remove();
      root().dataset.shown = frame.getAttribute("src");
    });
    old.className = next.className;
    old.append(frame);
    return true;
  }
  function scrolled(frame) {
    try { return frame.contentWindow.scrollY; } catch (error) { return 0; }
  }

  // ---- asking the server
  function ask(url, options, sent) {
    if (busy) { busy.abort(); }
    var mine = busy = new AbortController();
    mine.act = options.method === "POST";
    options.signal = mine.signal;
    options.headers = { "HX-Request": "true", "X-CSRF": root().dataset.csrf };
    options.credentials = "same-origin";
    return fetch(url, options).then(function (answer) {
      return answer.text().then(function (html) { return take(answer, html, sent); });
    }).catch(function (error) {
      if (error.name !== "AbortError") { say("The desk cannot be reached just now. What you typed is still here: try again."); }
    }).finally(function () {
      if (busy !== mine) { return; }
      busy = null;
      var again = next && document.getElementById(next);
      next = "";
      if (again && !again.disabled) { again.click(); return; }
      check();
      if (!busy && wanted && wanted !== root().dataset.state) { refresh(); }
    });
  }
  function take(answer, html, sent) {
    var lead = answer.headers.get("HX-Redirect");
    if (lead) { location.assign(lead); return; }
    if (!swap(html, sent, answer.ok)) {
      var words = new DOMParser().parseFromString(html, "text/html").querySelector(".said");
      var told = document.getElementById("answer");
      if (words) { told.replaceChildren(document.importNode(words, true)); }
      else { say("That did not work. What you typed is still here: try again."); }
      return;
    }
    if (!answer.ok) { markTyped(sent); }
  }
  // After a conflict the form on the page is the server's, with what was typed as its values: it
  // counts as being typed until it is saved.
  function markTyped(sent) {
    var form = sent && key(sent) && document.getElementById(key(sent));
    if (form) { (form.tagName === "FORM" ? form : form.closest("form") || form).dataset.kept = "yes"; }
  }
  function refresh() {
    if (busy) { return; }
    wanted = "";
    var query = root().dataset.query;
    ask(root().dataset.path + (query ? "?" + query : ""), {}, null);
  }
  function check() {
    if (root().dataset.checked || !document.getElementById("run-checks")) { return; }
    var query = root().dataset.query;
    ask(root().dataset.path + "/~checks" + (query ? "?" + query : ""), {}, null);
  }

  // ---- acts
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-live")) { return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    var button = event.submitter;
    if (busy && busy.act) { next = button ? button.id : ""; return; }
    var body = new URLSearchParams(new FormData(form, button || undefined));
    var row = button && button.closest(".ord > li");
    lastRow = row ? Array.from(row.parentElement.children).indexOf(row) : null;
    ask(form.action, { method: "POST", body: body }, form);
  }, true);
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[data-part], a[data-to]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) { return; }
    var to = link.dataset.to, quote = link.dataset.quote;
    if (link.hasAttribute("data-part")) {
      event.preventDefault();
      if (busy && busy.act) { next = link.id; return; }
      document.getElementById("answer").replaceChildren();
      var url = new URL(link.href);
      ask(url.pathname + url.search, {}, null).then(function () {
        history.replaceState(null, "", url.pathname + url.search);
        listen();
        if (to) { go(to); } else { open(url); }
      });
    } else if (to) { event.preventDefault(); go(to, quote); }
  });
  function open(url) {
    var number = url.searchParams.get("edit"), field = number && document.getElementById("headline");
    if (field) { field.focus(); field.closest("li").scrollIntoView({ block: "nearest" }); }
  }
  function go(to, quote) {
    if (to === "letter") { return find(quote); }
    var place = document.getElementById(to), field = place && (place.matches("input") ? place : document.getElementById("headline"));
    if (place) { place.scrollIntoView({ block: "nearest" }); }
    if (field) { field.focus(); } else if (place) { place.setAttribute("tabindex", "-1"); place.focus(); }
  }
  function find(quote) {
    var frame = document.getElementById("frame");
    if (!frame || !quote || !frame.contentDocument) { return; }
    var walk = frame.contentDocument.createTreeWalker(frame.contentDocument.body, NodeFilter.SHOW_TEXT), node;
    while ((node = walk.nextNode())) {
      if (node.nodeValue.indexOf(quote) >= 0) { node.parentElement.scrollIntoView({ block: "center" }); frame.focus(); return; }
    }
    var link = Array.from(frame.contentDocument.links).find(function (each) { return each.href.indexOf(quote) >= 0; });
    if (link) { link.scrollIntoView({ block: "center" }); frame.focus(); }
  }

  // ---- the arrow keys move a story, while one of its buttons has the focus
  document.addEventListener("keydown", function (event) {
    var row = event.target.closest && event.target.closest(".ord > li");
    if (event.key === "Escape" && event.target.closest && event.target.closest("#editor")) {
      var close = row && row.querySelector("[id^='edit-']");
      if (close) { close.focus(); close.click(); }
      return;
    }
    if (!row || !event.target.closest(".ctl") || event.altKey || event.ctrlKey || event.metaKey) { return; }
    if (event.key === " " && event.target.matches("a.ib")) { event.preventDefault(); event.target.click(); return; }
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") { return; }
    event.preventDefault();
    var button = row.querySelector(event.key === "ArrowUp" ? "[id^='up-']" : "[id^='down-']");
    if (button && !button.disabled) { button.form.requestSubmit(button); }
  });

  // ---- and so does dragging
  var lifted = null;
  function ready() {
    document.querySelectorAll(".ord > li").forEach(function (row) {
      if (row.querySelector(".ctl") && !row.classList.contains("open")) { row.draggable = true; }
    });
  }
  document.addEventListener("pointerdown", ready, true);
  document.addEventListener("dragstart", function (event) {
    var row = event.target.closest && event.target.closest(".ord > li");
    if (!row) { return; }
    lifted = row;
    row.classList.add("lifted");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", row.dataset.story);
  });
  document.addEventListener("dragover", function (event) {
    var row = lifted && event.target.closest && event.target.closest(".ord > li");
    document.querySelectorAll(".ord > li.over").forEach(function (each) { each.classList.remove("over"); });
    if (!row || row === lifted) { return; }
    event.preventDefault();
    row.classList.add("over");
  });
  document.addEventListener("drop", function (event) {
    var row = lifted && event.target.closest && event.target.closest(".ord > li");
    if (!row || row === lifted) { return; }
    event.preventDefault();
    var form = document.getElementById("order-form"), body = new URLSearchParams(new FormData(form));
    body.set("do", "move " + lifted.dataset.story + " before " + row.dataset.story);
    ask(form.action, { method: "POST", body: body }, form);
  });
  document.addEventListener("dragend", function () {
    document.querySelectorAll(".ord > li.lifted, .ord > li.over").forEach(function (each) { each.classList.remove("lifted", "over"); });
    lifted = null;
  });

  // ---- counting while somebody types
  document.addEventListener("input", function (event) {
    var field = event.target, count = field.dataset && field.dataset.count;
    if (count) {
      var n = Array.from(new Intl.Segmenter().segment(field.value)).length;
      document.getElementById(count).textContent = field.dataset.most ? n + " of " + field.dataset.most : String(n);
    } else if (field.dataset && field.dataset.words) {
      document.getElementById(field.dataset.words).textContent = (field.value.trim() ? field.value.trim().split(/\s+/).length : 0) + " of 60 words";
    }
    if (field.id === "subject" || field.id === "preheader") {
      document.querySelectorAll(field.id === "subject" ? ".ibx .subject" : ".ibx .p").forEach(function (each) { each.textContent = field.value; });
    }
  });
  window.addEventListener("beforeunload", function (event) {
    if (root() && typedForms(null).length) { event.preventDefault(); }
  });

  // ---- what others do, and how sending goes
  function listen() {
    var editor = document.getElementById("editor"), title = editor && editor.closest("li").querySelector(".h");
    var doing = editor ? "rewords a story" + (title ? ": " + title.textContent.trim().replace(/\s+/g, " ").slice(0, 90) : "") : "";
    if (stream && stream.doing === doing && stream.readyState !== 2) { return; }
    if (stream) { stream.close(); }
    stream = new EventSource(root().dataset.path + "/~events?doing=" + encodeURIComponent(doing));
    stream.doing = doing;
    stream.addEventListener("state", function (event) {
      wanted = JSON.parse(event.data).state;
      if (wanted !== root().dataset.state) { refresh(); }
    });
    stream.addEventListener("here", function (event) {
      var others = JSON.parse(event.data).others, here = document.getElementById("here");
      here.textContent = others.length ? "Also here: " + others.join("; ") : "";
    });
    stream.addEventListener("progress", function (event) {
      var told = JSON.parse(event.data), bar = document.getElementById("bar"), words = document.getElementById("progress");
      if (bar) { bar.value = told.percent; }
      if (words) { words.textContent = told.words; }
    });
  }
  if (root()) { listen(); check(); root().dataset.ready = "yes"; }
})();

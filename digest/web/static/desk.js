/* The desk without this file works by plain forms; with it, it is quicker. No inline script anywhere. */
(function () {
  "use strict";

  // What was said last is read out, and goes when something else is said.
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (event.detail.requestConfig.verb === "get") { return; }
    var told = document.getElementById("told");
    if (told) { told.textContent = ""; }
  });

  // The server is away, or the wire: say so, and leave all that was typed where it stands.
  document.addEventListener("htmx:sendError", function () {
    var told = document.getElementById("told");
    if (!told) { return; }
    var words = document.createElement("p");
    words.className = "said trouble";
    words.textContent = "The desk cannot be reached just now. What you typed is still here: try again.";
    told.replaceChildren(words);
  });

  // A form is sent once: a second press while the first is under way does nothing.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!(form instanceof HTMLFormElement) || form.hasAttribute("hx-post")) { return; }
    if (event.defaultPrevented) { return; }
    // By their attributes: a field that is called so would stand in the way of the property.
    if (form.getAttribute("method") !== "post" || form.getAttribute("target")) { return; }
    if (form.dataset.sent === "yes") { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    // An answer that is a file leaves the page where it is.
    window.setTimeout(function () { delete form.dataset.sent; }, 4000);
  });

  // What somebody had typed when their session was over goes on as soon as they are back.
  var waiting = document.querySelector("form[data-at-once]");
  if (waiting) { waiting.requestSubmit(); }

  // Coming back to a page by the browser's own button makes its forms fresh again.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
  });
})();

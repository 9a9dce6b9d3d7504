// Looks at a page as a reader has it before them, and gives its faults by kind; {} for none.
() => {
  const faults = {};
  const add = (kind, what) => (faults[kind] ??= []).push(String(what).slice(0, 80));

  const root = document.documentElement;
  const wide = document.scrollingElement.scrollWidth;
  if (wide > innerWidth) add("scrolls sideways", `${wide} in ${innerWidth}`);
  if (!root.lang) add("no language", location.pathname);
  if (!document.title.trim()) add("no title", location.pathname);
  const headings = document.querySelectorAll("h1");
  if (headings.length !== 1) add("not one h1", headings.length);

  for (const image of document.images) {
    if (!image.hasAttribute("alt")) add("picture without alt", image.src);
    if (!image.naturalWidth) add("picture not loaded", image.src);
  }
  const named = (element) =>
    element.textContent.trim() ||
    element.getAttribute("aria-label") ||
    [...element.querySelectorAll("img")].some((image) => image.alt.trim());
  for (const link of document.querySelectorAll("a[href]")) {
    if (!link.closest("[aria-hidden=true]") && !named(link)) add("link without words", link.href);
  }
  for (const button of document.querySelectorAll("button")) {
    if (!named(button)) add("button without words", button.outerHTML);
    const box = button.getBoundingClientRect();
    if (Math.min(box.width, box.height) < 44) add("button too small", button.textContent);
  }
  for (const input of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const label = [...input.labels].map((each) => each.textContent.trim()).join("");
    if (!label && !input.getAttribute("aria-label")) add("field without label", input.name);
  }

  // Colours as [red, green, blue, alpha], laid over each other from the canvas up.
  const colour = (text) => {
    const found = /^rgba?\(([^)]+)\)$/.exec(text);
    if (!found) throw new Error(`cannot read the colour ${text}`);
    const [red, green, blue, alpha = 1] = found[1].split(/[\s,/]+/).map(Number);
    return [red, green, blue, alpha];
  };
  const over = ([red, green, blue, alpha], below) =>
    [red, green, blue].map((value, n) => value * alpha + below[n] * (1 - alpha));
  const probe = root.appendChild(document.createElement("i"));
  probe.style.backgroundColor = "Canvas";
  const canvas = colour(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const chain = (element) =>
    element ? [...chain(element.parentElement), element] : [];
  const background = (element) =>
    chain(element)
      .map((each) => colour(getComputedStyle(each).backgroundColor))
      .reduce((below, layer) => over(layer, below), canvas);
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const faintness = (element) =>
    chain(element).reduce((so_far, each) => so_far * getComputedStyle(each).opacity, 1);
  const judge = (element, words) => {
    const style = getComputedStyle(element);
    const below = background(element);
    const [red, green, blue, alpha] = colour(style.color);
    const ink = over([red, green, blue, alpha * faintness(element)], below);
    const ratio = contrast(ink, below);
    if (ratio < 4.5) add("faint", `${ratio.toFixed(2)} ${words}`);
    if (parseFloat(style.fontSize) < 14) add("small", `${style.fontSize} ${words}`);
  };

  const clipped = (element) =>
    chain(element).some((each) => each.offsetWidth <= 1 && getComputedStyle(each).overflow === "hidden");
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !clipped(element);
  const invisible = /[\s\u00a0\u034f\u200b-\u200f\u2007\ufeff]+/g;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (texts.nextNode()) {
    const words = texts.currentNode.data.replace(invisible, " ").trim();
    const element = texts.currentNode.parentElement;
    if (!words || ["SCRIPT", "STYLE"].includes(element.tagName) || !shown(element)) continue;
    seen += 1;
    judge(element, words);
  }
  if (!seen) add("no words", location.pathname);
  for (const input of document.querySelectorAll("input[type=email], input[type=text]")) {
    if (shown(input)) judge(input, `(what is typed into ${input.name})`);
  }

  const focused = document.activeElement;
  if (focused !== document.body && focused.matches(":focus-visible")) {
    const style = getComputedStyle(focused);
    const line = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    const ratio = contrast(over(colour(style.outlineColor), canvas), background(focused.parentElement));
    if (line < 2 || ratio < 3) add("focus not seen", `${line}px ${ratio.toFixed(2)} ${focused.outerHTML}`);
  }
  return faults;
}

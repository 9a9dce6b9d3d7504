// Looks at a public page and gives what is wrong with it for hands, and in what it carries; [] for
// nothing. `scale` doubles every letter first, as a browser does that enlarges text alone.
({ scale }) => {
  const faults = [];
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !element.closest("[aria-hidden=true]");
  const about = (element) =>
    `${element.tagName.toLowerCase()} ${element.textContent.trim() || element.name || element.href}`.slice(0, 60);

  if (scale) {
    const all = [...document.body.querySelectorAll("*")];
    const sizes = all.map((each) => {
      const style = getComputedStyle(each);
      return [parseFloat(style.fontSize), parseFloat(style.lineHeight)];
    });
    all.forEach((each, n) => {
      each.style.fontSize = `${sizes[n][0] * scale}px`;
      if (sizes[n][1]) each.style.lineHeight = `${sizes[n][1] * scale}px`;
    });
  }
  const wide = document.scrollingElement.scrollWidth;
  if (wide > innerWidth) faults.push(`scrolls sideways: ${wide} in ${innerWidth}`);
  for (const each of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(each);
    const hides = [style.overflowX, style.overflowY].some((way) => ["hidden", "clip"].includes(way));
    if (!hides || !shown(each) || each.matches("input, textarea")) continue;
    if (each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
      faults.push(`cut off: ${about(each)}`);
  }
  if (scale) return faults;

  // WCAG 2.5.8: 24 by 24, but for links in a sentence; a button of ours is as high as a finger.
  for (const each of document.querySelectorAll("a[href], button, select, input:not([type=hidden])")) {
    if (!shown(each)) continue;
    const label = each.closest("label");
    const box = (label ?? each).getBoundingClientRect();
    const sentence = each.matches("p a, figcaption a, li p a") && each.parentElement.textContent.trim() !== each.textContent.trim();
    const least = each.matches("button, .btn, select") || label ? 44 : sentence ? 0 : 24;
    if (box.height < least - 0.5 || (box.width < Math.min(least, 24) - 0.5))
      faults.push(`small target: ${Math.round(box.width)}x${Math.round(box.height)} ${about(each)}`);
  }
  for (const each of document.querySelectorAll("script, [style], iframe, base")) faults.push(`carries ${about(each)}`);
  for (const each of document.querySelectorAll("*"))
    for (const { name } of each.attributes) if (name.startsWith("on")) faults.push(`carries ${name}`);

  if (document.dir === "rtl") {
    const edge = document.querySelector(".top .wrap").getBoundingClientRect();
    const mast = document.querySelector(".mast").getBoundingClientRect();
    if (edge.right - mast.right > edge.width / 2) faults.push("the masthead is at the left");
  }
  for (const each of document.querySelectorAll("main *")) {
    const style = getComputedStyle(each);
    const sides = [parseFloat(style.borderLeftWidth), parseFloat(style.borderRightWidth)];
    const [start, end] = style.direction === "rtl" ? [sides[1], sides[0]] : sides;
    if (end > start) faults.push(`a bar at the end of its lines: ${about(each)}`);
    if (each.matches("h1, h2, h3, p, li") && ["left", "right"].includes(style.textAlign))
      faults.push(`set to the ${style.textAlign}: ${about(each)}`);
  }
  return faults;
}

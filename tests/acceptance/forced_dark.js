// Repaints a light page as mail programs do that know no dark letters: they turn the colours in
// CIE LCH upside down, hue kept. "partial" (as Outlook): light grounds and dark ink are turned,
// what is dark already or light already stays. "full" (as Gmail on iOS): everything is turned.
// Called again it begins from the colours of the letter.
(mode) => {
  const toLinear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const fromLinear = (part) => (part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055);
  const WHITE = [0.95047, 1, 1.08883];
  const TO_XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.072175],
    [0.0193339, 0.119192, 0.9503041],
  ];
  const FROM_XYZ = [
    [3.2404542, -1.5371385, -0.4985314],
    [-0.969266, 1.8760108, 0.041556],
    [0.0556434, -0.2040259, 1.0572252],
  ];
  const times = (matrix, vector) =>
    matrix.map((row) => row.reduce((sum, value, n) => sum + value * vector[n], 0));
  const bent = (t) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const unbent = (f) => (f ** 3 > 216 / 24389 ? f ** 3 : (116 * f - 16) / (24389 / 27));

  const toLch = (rgb) => {
    const xyz = times(TO_XYZ, rgb.map((value) => toLinear(value / 255)));
    const [x, y, z] = xyz.map((value, n) => bent(value / WHITE[n]));
    const [a, b] = [500 * (x - y), 200 * (y - z)];
    return [116 * y - 16, Math.hypot(a, b), Math.atan2(b, a)];
  };
  const linearOf = ([light, chroma, hue]) => {
    const y = (light + 16) / 116;
    const lab = [y + (chroma * Math.cos(hue)) / 500, y, y - (chroma * Math.sin(hue)) / 200];
    return times(FROM_XYZ, lab.map((value, n) => unbent(value) * WHITE[n]));
  };
  const inGamut = (parts) => parts.every((part) => part >= -0.0005 && part <= 1.0005);
  const fromLch = ([light, chroma, hue]) => {
    let parts = linearOf([light, chroma, hue]);
    for (let kept = chroma; !inGamut(parts) && kept > 0.5; kept *= 0.94) {
      parts = linearOf([light, kept, hue]);
    }
    return parts.map((part) => Math.round(255 * fromLinear(Math.min(1, Math.max(0, part)))));
  };

  // Never quite black and never quite white: paper becomes the dark grey these programs show.
  const turned = (light) => 12 + 0.76 * (100 - light);
  const repaint = (text, isTurned) => {
    const [red, green, blue, alpha = 1] = /\(([^)]+)\)/.exec(text)[1].split(/[\s,/]+/).map(Number);
    const [light, chroma, hue] = toLch([red, green, blue]);
    if (alpha === 0 || !(mode === "full" || isTurned(light))) return text;
    return `rgba(${fromLch([turned(light), chroma, hue]).join(", ")}, ${alpha})`;
  };

  const elements = [document.documentElement, ...document.body.querySelectorAll("*"), document.body];
  for (const element of elements) {
    element.lightStyle ??= { text: element.getAttribute("style") };
    if (element.lightStyle.text === null) element.removeAttribute("style");
    else element.setAttribute("style", element.lightStyle.text);
  }
  document.documentElement.style.setProperty("background-color", "#FFFFFF");
  const isGround = (name) => name === "background-color";
  const names = ["color", "background-color", "border-top-color", "border-bottom-color"];
  const painted = elements.map((element) => {
    const style = getComputedStyle(element);
    return [element, names.map((name) => [name, style.getPropertyValue(name)])];
  });
  for (const [element, colours] of painted) {
    for (const [name, text] of colours) {
      const isTurned = (light) => (isGround(name) ? light > 50 : light < 50);
      element.style.setProperty(name, repaint(text, isTurned), "important");
    }
  }
}

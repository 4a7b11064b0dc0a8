// Lists what is wrong with the page as it is shown; run by browser_test.go.
(() => {
  const wrong = [];
  const say = (what, e) => wrong.push(what + ": " + e.outerHTML.slice(0, 120).replace(/\s+/g, " "));
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const wide = document.documentElement.clientWidth;
  const shown = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  const scrolls = e => e.closest(".scroll, pre, .strips, .field") !== null;

  // Nothing lies beyond the page's edges, except in what scrolls or cuts.
  if (document.documentElement.scrollWidth > wide) wrong.push("the page is " + document.documentElement.scrollWidth + " px wide, the screen " + wide);
  for (const e of document.body.querySelectorAll("*")) {
    const r = e.getBoundingClientRect();
    if (shown(e) && !scrolls(e) && r.width > 0 && (r.right > wide + 1 || r.left < -1)) say("beyond the edge", e);
  }

  // Labels of one axis do not lie on each other.
  for (const kind of [".plot .x", ".plot .y", ".plot .name", ".scale span"]) {
    for (const axis of document.querySelectorAll(".plot, .scale")) {
      const labels = [...axis.querySelectorAll(kind)].filter(shown);
      labels.forEach((a, i) => labels.slice(i + 1).forEach(b => {
        const p = a.getBoundingClientRect(), q = b.getBoundingClientRect();
        if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1) say("label under " + b.textContent, a);
      }));
    }
  }

  // What is not text has words; what has words can be found.
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title) wrong.push("no title");
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) { if (ids.has(e.id)) say("id twice", e); ids.add(e.id); }
  for (const e of document.images) if (!e.hasAttribute("alt")) say("no alt", e);
  const named = e => e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean)
    .map(id => document.getElementById(id)?.textContent || "").join(" ").trim();
  for (const e of document.querySelectorAll("svg, [role=img], [role=region]")) if (e.getAttribute("aria-hidden") !== "true" && (!e.hasAttribute("role") || !named(e))) say("no name or role", e);
  for (const e of document.querySelectorAll("th:not([scope])")) if (e.textContent.trim()) say("no scope", e);
  for (const e of document.querySelectorAll(".scroll, pre")) if (e.tabIndex < 0) say("cannot be scrolled by keyboard", e);
  let level = 0;
  for (const h of document.querySelectorAll("h1, h2, h3, h4")) {
    const n = +h.tagName[1];
    if (n > level + 1) say("a heading's level is left out", h);
    level = n;
  }

  // Contrast after WCAG 2.2: 4.5 for text, 3 for large text and for graphics.
  const brush = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const d = brush.getImageData(0, 0, 1, 1).data;
    return [d[0], d[1], d[2], d[3] / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = e => {
    const layers = [];
    for (; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const seen = new Set();
  const demand = (least, colour, e, what) => {
    const below = ground(e), c = contrast(over(rgba(colour), below), below);
    const key = what + colour + below;
    if (c < least && !seen.has(key)) { seen.add(key); say("contrast " + c.toFixed(2) + " of " + what + ", at least " + least, e); }
  };
  for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !shown(e) || e.closest("svg, script, style")) continue;
    const s = getComputedStyle(e), size = parseFloat(s.fontSize);
    demand(size >= 24 || size >= 18.66 && +s.fontWeight >= 700 ? 3 : 4.5, s.color, e, "text");
    if (size < 11.5) say("text of " + size + " px", e);
  }
  for (const e of document.querySelectorAll("svg path")) {
    const s = getComputedStyle(e);
    if (!e.getAttribute("d")) say("a path of nothing", e);
    if (e.matches(".stroke")) demand(3, s.stroke, e.closest("svg"), "a line");
    if (e.matches(".area")) demand(3, s.fill, e.closest("svg"), "an area");
  }
  return wrong;
})()

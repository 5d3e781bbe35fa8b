(() => {
  // --- The formulas of chapters 02 and 06, for densities that are sums of normal humps, and a
  // discriminator that is the best one for the targets a (real) and b (generated).
  // tests/test_instrument_densities.py holds them against NumPy.

  // A hump is [share, mean, standard deviation]. Logarithms, since densities vanish far out.
  const logDensity = (humps, x) => {
    const terms = humps.filter(([share]) => share > 0).map(([share, mean, sd]) =>
      Math.log(share / (sd * Math.sqrt(2 * Math.PI))) - ((x - mean) / sd) ** 2 / 2);
    const top = Math.max(...terms);
    return top + Math.log(terms.reduce((sum, t) => sum + Math.exp(t - top), 0));
  };
  const logSlope = (humps, x) => {  // derivative of the above by x
    const log = logDensity(humps, x);
    return humps.filter(([share]) => share > 0).reduce((sum, [share, mean, sd]) => {
      const part = Math.log(share / (sd * Math.sqrt(2 * Math.PI))) - ((x - mean) / sd) ** 2 / 2;
      return sum - Math.exp(part - log) * (x - mean) / sd ** 2;
    }, 0);
  };
  const softplus = l => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l)));
  const sigmoid = l => l < 0 ? Math.exp(l) / (1 + Math.exp(l)) : 1 / (1 + Math.exp(-l));
  const times = (factor, l) => factor ? factor * Math.exp(l) : 0;  // 0 times infinity is 0 here

  // At one x: both best answers, both losses of G, their slopes, and what the targets leave of it.
  const at = (p, q, a, b, x) => {
    const logit = logDensity(p, x) - logDensity(q, x), steep = logSlope(p, x) - logSlope(q, x);
    const best = sigmoid(logit), not = sigmoid(-logit), left = (a - b) / (a + times(b, -logit));
    const leftMinimax = (a - b) / (1 - b + times(1 - a, logit));
    return {
      p: Math.exp(logDensity(p, x)), q: Math.exp(logDensity(q, x)), best, d: a * best + b * not,
      // -log D and log(1 - D); without smoothing by the logit, which does not overflow
      loss: b ? -Math.log(a * best + b * not) : softplus(-logit) - Math.log(a),
      lossMinimax: a < 1 ? Math.log((1 - a) * best + (1 - b) * not)
        : Math.log(1 - b) - softplus(logit),
      slope: -left * not * steep, slopeMinimax: -leftMinimax * best * steep, left, leftMinimax,
    };
  };

  // The whole line: JS in nats, and the loss of the best D for the targets.
  const whole = (p, q, a, b, low = -10, high = 12, step = 0.01) => {
    let js = 0, loss = 0;
    const n = Math.round((high - low) / step);
    for (let i = 0; i <= n; i++) {
      const x = low + i * step, logP = logDensity(p, x), logQ = logDensity(q, x);
      const P = Math.exp(logP), Q = Math.exp(logQ), logit = logP - logQ;
      const best = sigmoid(logit), not = sigmoid(-logit);
      js += step * (P * (Math.log(2) - softplus(-logit)) + Q * (Math.log(2) - softplus(logit))) / 2;
      const d = a * best + b * not, other = (1 - a) * best + (1 - b) * not;
      const entropy = -(d > 0 ? d * Math.log(d) : 0) - (other > 0 ? other * Math.log(other) : 0);
      loss += step * (P + Q) * entropy;
    }
    return {js, loss};
  };

  // --- The page.
  const figure = document.currentScript.parentElement, still = figure.querySelector("img");
  const {scenes, start} = JSON.parse(figure.dataset.densities);
  // With "off" a browser that comes back leaves the values alone: the charts would not follow.
  const add = (parent, tag, settings = {}) =>
    parent.appendChild(Object.assign(document.createElement(tag), {autocomplete: "off"}, settings));
  const drawing = (parent, tag, settings = {}) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const key in settings) element.setAttribute(key, settings[key]);
    return parent.appendChild(element);
  };
  const panel = document.createElement("div");
  panel.className = "panel";
  const views = add(panel, "div", {className: "views"}), shown = add(views, "div");
  const [LOW, HIGH, W, LEFT] = [-3.5, 5.5, 420, 34];
  const X = x => LEFT + (x - LOW) / (HIGH - LOW) * (W - LEFT - 6);
  const back = X => LOW + (X - LEFT) / (W - LEFT - 6) * (HIGH - LOW);
  const svg = drawing(shown, "svg", {viewBox: `0 0 ${W} 452`, role: "img"});
  svg.setAttribute("aria-label", "Three charts over x: the densities p and q, the best answers of "
    + "D, and both losses of G");

  // A chart: its frame, its ticks, and a function from values to places.
  const chart = (top, height, low, high, ticks, title) => {
    const Y = v => top + (high - Math.max(low, Math.min(high, v))) / (high - low) * height;
    drawing(svg, "text", {x: LEFT, y: top - 6, class: "title"}).textContent = title;
    for (const v of ticks) {
      drawing(svg, "line", {x1: LEFT, x2: W - 6, y1: Y(v), y2: Y(v), class: "tick"});
      drawing(svg, "text", {x: LEFT - 6, y: Y(v) + 4, "text-anchor": "end"}).textContent = v;
    }
    const back = y => high - (y - top) / height * (high - low);
    return Object.assign(Y, {top, height, low, high, back});
  };
  const tall = chart(22, 120, 0, 1.4, [0, 0.5, 1], "densities");
  const wise = chart(170, 104, 0, 1, [0, 0.5, 1], "D, the best answer");
  const lost = chart(302, 118, -4, 8, [-4, 0, 4, 8], "loss of G");
  for (let x = -3; x <= 5; x++)
    drawing(svg, "text", {x: X(x), y: 438, "text-anchor": "middle"}).textContent = x;
  const curve = kind => drawing(svg, "path", {class: kind});
  const curves = {p: curve("real"), q: curve("g"), best: curve("real dashed"), d: curve("d"),
    lossMinimax: curve("g dashed"), loss: curve("g"), touchMinimax: curve("touch dashed"),
    touch: curve("touch")};
  const stands = drawing(svg, "line", {y1: tall.top, y2: lost.top + lost.height, class: "stands"});
  const handle = kind => {
    const group = drawing(svg, "g", {class: "handle " + kind});
    drawing(group, "circle", {r: 24, class: "reach"});
    drawing(group, "circle", {r: 7});
    return group;
  };
  const handles = [handle("real"), handle("g"), handle("g")];  // where G stands, and q's humps
  const keys = add(shown, "p", {className: "keys"});
  for (const [kind, text] of [["real", "real, p; dashed: D without smoothing"],
    ["g", "generated, q; −log D, dashed: log(1 − D)"], ["d", "D for your targets"],
    ["steep", "thick: the slopes where G stands"]])
    add(keys, "span", {className: kind, textContent: text});

  const right = add(views, "div"), controls = add(right, "div", {className: "controls"});
  const top = add(controls, "div", {className: "bar scene"}), label = add(top, "label");
  add(label, "span", {textContent: "scene"});
  const scene = add(label, "select");
  add(top, "button", {type: "button", textContent: "Reset",
    onclick: () => show(scene.selectedIndex)});
  for (const {text} of scenes) add(scene, "option", {textContent: text});
  const sliders = {};
  const slider = (key, text, min, max, step) => {
    const row = add(controls, "label", {className: "slide"});
    add(row, "span", {textContent: text});
    const range = add(row, "input", {type: "range", min, max, step});
    sliders[key] = Object.assign(range, {shown: add(row, "span", {className: "value"})});
    range.shown.setAttribute("aria-hidden", "true");  // the slider says it
    range.oninput = () => update();
  };
  slider("mean1", "hump 1, place", -3, 5, 0.05);
  slider("sd1", "hump 1, width", 0.15, 1.5, 0.05);
  slider("mean2", "hump 2, place", -3, 5, 0.05);
  slider("sd2", "hump 2, width", 0.15, 1.5, 0.05);
  slider("share", "hump 1, share", 0, 1, 0.05);
  slider("x", "G stands at x", -3.4, 5.4, 0.05);
  slider("a", "target a, of p", 0.6, 1, 0.01);
  slider("b", "target b, of q", 0, 0.4, 0.01);

  const table = add(right, "table");
  const head = add(add(table, "thead"), "tr"), body = add(table, "tbody"), cells = {};
  for (const text of ["at x", "−log D", "log(1 − D)"])
    add(head, "th", {scope: "col", textContent: text});
  const lines = [["loss", "loss of G"], ["slope", "its slope"], ["left", "slope left"]];
  for (const [key, text] of lines) {
    const row = add(body, "tr");
    add(row, "th", {scope: "row", textContent: text});
    cells[key] = add(row, "td");
    cells[key + "Minimax"] = add(row, "td");
  }
  const said = add(right, "p", {className: "said"});
  said.setAttribute("role", "status");

  let real, saidAt = 0, later = 0;
  const humps = () => {
    const {mean1, sd1, share, mean2, sd2} = sliders;
    return [[+share.value, +mean1.value, +sd1.value], [1 - share.value, +mean2.value, +sd2.value]];
  };
  const small = v => (v !== 0 && Math.abs(v) < 0.001 ? `${+v.toPrecision(2)}` : v.toFixed(3))
    .replace(/-/g, "−");
  const percent = v => v !== 0 && v < 0.001 ? "under 0.1%" : `${(100 * v).toFixed(1)}%`;
  const update = () => {
    const q = humps(), [a, b, x] = ["a", "b", "x"].map(key => +sliders[key].value);
    const points = Array.from({length: 361}, (_, i) => LOW + i * (HIGH - LOW) / 360);
    const values = points.map(x => at(real, q, a, b, x)), here = at(real, q, a, b, x);
    const line = (key, Y) => {  // a curve ends where it leaves its chart: it shall not look level
      let pen = "M";
      curves[key].setAttribute("d", values.map((v, i) => {
        const draw = Y.low <= v[key] && v[key] <= Y.high, from = pen;
        pen = draw ? "L" : "M";
        return draw ? `${from}${X(points[i]).toFixed(1)} ${Y(v[key]).toFixed(1)}` : "";
      }).join(""));
    };
    line("p", tall); line("q", tall); line("best", wise); line("d", wise);
    line("loss", lost); line("lossMinimax", lost);
    // A tangent, to each side of x. Where the loss leaves the chart, it stands whole at the edge.
    const touch = (key, value, slope) => {
      const wide = Math.min(0.7, 2 / Math.abs(slope)), high = wide * Math.abs(slope);
      const at = Math.max(lost.low + high, Math.min(lost.high - high, value));
      const middle = lost.low <= value && value <= lost.high ? value : at;
      curves[key].setAttribute("d", [Math.max(-wide, LOW - x), Math.min(wide, HIGH - x)].map((by, i) =>
        `${"ML"[i]}${X(x + by).toFixed(1)} ${lost(middle + by * slope).toFixed(1)}`).join(""));
    };
    touch("touch", here.loss, here.slope);
    touch("touchMinimax", here.lossMinimax, here.slopeMinimax);
    stands.setAttribute("x1", X(x)); stands.setAttribute("x2", X(x));
    const place = (i, x, y) => handles[i].setAttribute("transform", `translate(${X(x)} ${y})`);
    place(0, x, tall(0));
    q.forEach(([share, mean, sd], i) => {
      place(i + 1, mean, tall(share / (sd * Math.sqrt(2 * Math.PI))));
      handles[i + 1].style.display = share ? "" : "none";
    });
    for (const key in cells)
      cells[key].textContent = key.startsWith("left") ? percent(here[key]) : small(here[key]);
    for (const key in sliders)
      sliders[key].shown.textContent = (+sliders[key].value).toFixed(2).replace("-", "−");
    sliders.mean2.disabled = sliders.sd2.disabled = +sliders.share.value === 1;
    sliders.mean1.disabled = sliders.sd1.disabled = +sliders.share.value === 0;
    clearTimeout(later);
    later = setTimeout(say, Math.max(0, saidAt + 1000 - performance.now()));
  };
  const say = () => {  // at most once a second
    const [a, b, x] = ["a", "b", "x"].map(key => +sliders[key].value);
    const {js, loss} = whole(real, humps(), a, b), {best, d, left} = at(real, humps(), a, b, x);
    said.textContent = `JS is ${js.toFixed(3)} nats, of at most 0.693. The best D has the loss `
      + `${loss.toFixed(3)}. At x = ${x.toFixed(2).replace("-", "−")} it says ${small(d)}`
      + (a === 1 && b === 0 ? "." : `, without smoothing ${small(best)}; of the slope of −log D `
      + `${percent(left)} is left.`);
    saidAt = performance.now();
  };
  const set = values => { for (const key in values) sliders[key].value = values[key]; };
  const show = i => {
    scene.selectedIndex = i;
    real = scenes[i].real;
    set(scenes[i].start);
    update();
  };
  scene.onchange = () => show(scene.selectedIndex);

  // Handles: sideways a hump's place, up and down its width; where G stands.
  handles.forEach((group, i) => {
    group.onpointerdown = event => {
      if (event.button) return;
      group.setPointerCapture(event.pointerId);
      event.preventDefault();
    };
    group.onpointermove = event => {
      if (!group.hasPointerCapture(event.pointerId)) return;
      const box = svg.getBoundingClientRect(), zoom = W / box.width;
      const x = back((event.clientX - box.left) * zoom);
      const y = tall.back((event.clientY - box.top) * zoom);
      if (!i) set({x});
      else {
        const share = humps()[i - 1][0];
        set({["mean" + i]: x, ["sd" + i]: share / (Math.max(y, 0.01) * Math.sqrt(2 * Math.PI))});
      }
      update();
    };
  });

  Object.assign(figure, {at, whole});  // for the console, and for tests
  still.hidden = true; still.after(panel);
  show(start);
})();

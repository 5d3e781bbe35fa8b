(() => {
  const figure = document.currentScript.parentElement, still = figure.querySelector("img");
  const settings = JSON.parse(figure.dataset.ask), {shapes, slope, width, height} = settings;

  // A float16 has a sign, 5 bits of exponent and 10 of fraction. Not every browser knows the type.
  const bytes = Uint8Array.from(atob(figure.dataset.weights), c => c.charCodeAt(0));
  const half = i => {
    const bits = bytes[2 * i] | bytes[2 * i + 1] << 8;
    const exponent = bits >> 10 & 31, fraction = (bits & 1023) / 1024;
    const size = exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14;
    return bits & 0x8000 ? -size : size;
  };
  let read = 0;  // matrices, each row after row: the labels' vectors, weights and biases, directions
  const matrices = shapes.map(([rows, columns]) =>
    Float64Array.from({length: rows * columns}, () => half(read++)));
  const table = matrices.shift(), U = matrices.pop();
  const embedding = shapes[0][1], latent = shapes.at(-1)[1];

  // The generator: z and the label's vector, then dense layers with a leaky ReLU between them, tanh.
  const dense = (v, W, b) => {
    const sums = Float64Array.from(b);
    for (let i = 0; i < v.length; i++)
      for (let j = 0; j < sums.length; j++) sums[j] += v[i] * W[i * sums.length + j];
    return sums;
  };
  const leaky = a => Math.max(a, slope * a);
  const generate = (z, label) => {
    let h = [...z, ...table.slice(label * embedding, (label + 1) * embedding)];
    for (let i = 0; i < matrices.length; i += 2) {
      h = dense(h, matrices[i], matrices[i + 1]);
      h = h.map(i + 2 < matrices.length ? leaky : Math.tanh);
    }
    return h;
  };

  // n vectors z, normal, made of the seed alone (by the random generator mulberry32).
  const draw = (seed, n) => {
    const uniform = () => {
      seed = seed + 0x6D2B79F5 | 0;
      let t = Math.imul(seed ^ seed >>> 15, seed | 1);
      t ^= t + Math.imul(t ^ t >>> 7, t | 61);
      return (Math.fround(((t ^ t >>> 14) >>> 0) / 2 ** 31 - 1) + 1) / 2;
    };
    const normal = () => {
      const radius = Math.sqrt(-2 * Math.log(Math.max(1 - uniform(), 2 ** -32)));
      return radius * Math.cos(2 * Math.PI * uniform());
    };
    return Array.from({length: n}, () => Float64Array.from({length: latent}, normal));
  };

  const add = (parent, tag, settings = {}) =>
    parent.appendChild(Object.assign(document.createElement(tag), settings));
  const name = (element, text) => element.setAttribute("aria-label", text);
  const panel = document.createElement("div");
  panel.className = "panel";
  const top = add(panel, "label", {className: "typed"});
  add(top, "span", {textContent: "Type digits"});
  const typed = add(top, "input",
    {type: "text", inputMode: "numeric", maxLength: 8, value: settings.digits, autocomplete: "off"});
  const large = add(panel, "div", {className: "large"});
  const hint = add(panel, "p", {className: "hint"});
  hint.setAttribute("role", "status");
  const all = add(panel, "div", {className: "all"});
  all.setAttribute("role", "group");
  name(all, "all ten digits of this style");
  const controls = add(panel, "div", {className: "controls"}), bar = add(controls, "div");

  const again = add(bar, "button", {type: "button", textContent: "New style"});
  const seed = add(add(bar, "label", {textContent: "seed"}), "input",
    {type: "number", min: 0, max: 999999, value: settings.seed});
  const reset = add(bar, "button", {type: "button", textContent: "Reset sliders"});
  const slider = (text, min, max, value) => {
    const row = add(controls, "label");
    add(row, "span", {textContent: text});
    const range = add(row, "input", {type: "range", min, max, step: 0.01, value});
    return Object.assign(range, {rest: value, shown: add(row, "output")});
  };
  const moves = settings.names.map(text => slider(text, -settings.reach, settings.reach, 0));
  const walk = slider("another style", 0, 1, 0), sliders = [...moves, walk];

  let zs;
  const moved = () => {  // from one z along a quarter of a circle to another, and the directions
    const turn = +walk.value * Math.PI / 2;
    return zs[0].map((here, k) => moves.reduce((sum, move, d) => sum + move.value * U[d * latent + k],
      Math.cos(turn) * here + Math.sin(turn) * zs[1][k]));
  };
  const paint = (canvas, x) => {
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    x.forEach((value, i) => {
      const grey = Math.round((value + 1) * 127.5);
      image.data.set([grey, grey, grey, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  };
  const picture = (parent, text) => {
    const canvas = add(parent, "canvas", {width, height});
    if (text) { canvas.setAttribute("role", "img"); name(canvas, text); }
    return canvas;
  };
  const small = Array.from({length: 10}, (_, label) => {
    const button = add(all, "button", {type: "button"});
    name(button, `draw a ${label}`);
    button.onclick = () => { typed.value = label; update(); };
    return picture(button);
  });
  const update = () => {
    const digits = typed.value.replace(/\D/g, ""), z = moved();
    if (typed.value !== digits) typed.value = digits;
    const drawn = small.map((_, label) => generate(z, label));
    drawn.forEach((x, label) => paint(small[label], x));
    if (large.dataset.digits !== digits) {
      large.replaceChildren();
      for (const digit of digits) picture(large, `a ${digit}, as the generator draws it`);
      large.dataset.digits = digits;
    }
    [...digits].forEach((digit, i) => paint(large.children[i], drawn[digit]));
    hint.textContent = digits ? "" : "Type a digit from 0 to 9, or choose one below.";
    for (const s of sliders) s.shown.textContent = (+s.value).toFixed(2);
  };
  const redraw = () => { zs = draw(+seed.value, 2); update(); };
  again.onclick = () => { seed.value = Math.floor(Math.random() * 1e6); redraw(); };
  reset.onclick = () => { for (const s of sliders) s.value = s.rest; update(); };
  seed.oninput = redraw;
  typed.oninput = update;
  for (const s of sliders) s.oninput = update;

  Object.assign(figure, {generate, draw});  // for the console, and for tests
  redraw();
  still.hidden = true; still.after(panel);
})();

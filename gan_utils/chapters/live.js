(() => {
  const figure = document.currentScript.parentElement, still = figure.querySelector("img");
  const settings = JSON.parse(figure.dataset.live), {shapes, slope, width, height} = settings;

  // A float16 has a sign, 5 bits of exponent and 10 of fraction. Not every browser knows the type.
  const bytes = Uint8Array.from(atob(figure.dataset.weights), c => c.charCodeAt(0));
  const half = i => {
    const bits = bytes[2 * i] | bytes[2 * i + 1] << 8;
    const exponent = bits >> 10 & 31, fraction = (bits & 1023) / 1024;
    const size = exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14;
    return bits & 0x8000 ? -size : size;
  };
  let read = 0;  // five matrices, each row after row
  const [W1, b1, W2, b2, U] = shapes.map(([rows, columns]) =>
    Float64Array.from({length: rows * columns}, () => half(read++)));
  const latent = shapes[0][0];

  // The generator: x = tanh(leaky(z W1 + b1) W2 + b2).
  const dense = (v, W, b) => {
    const sums = Float64Array.from(b);
    for (let i = 0; i < v.length; i++)
      for (let j = 0; j < sums.length; j++) sums[j] += v[i] * W[i * sums.length + j];
    return sums;
  };
  const leaky = a => Math.max(a, slope * a);
  const generate = z => dense(dense(z, W1, b1).map(leaky), W2, b2).map(Math.tanh);

  // n vectors z, uniform on [-1, 1), made of the seed alone (by the random generator mulberry32).
  const draw = (seed, n) => {
    const number = () => {
      seed = seed + 0x6D2B79F5 | 0;
      let t = Math.imul(seed ^ seed >>> 15, seed | 1);
      t ^= t + Math.imul(t ^ t >>> 7, t | 61);
      return ((t ^ t >>> 14) >>> 0) / 2 ** 31 - 1;
    };
    return Array.from({length: n}, () => Float64Array.from({length: latent}, number));
  };

  const add = (parent, tag, settings = {}) =>
    parent.appendChild(Object.assign(document.createElement(tag), settings));
  const name = (element, text) => element.setAttribute("aria-label", text);
  const panel = document.createElement("div");
  panel.className = "panel";
  const digits = add(panel, "div", {className: "digits"});
  const controls = add(panel, "div", {className: "controls"}), bar = add(controls, "div");
  const canvases = [add(digits, "canvas", {width, height})];
  canvases[0].setAttribute("role", "img");
  name(canvases[0], "what the generator draws of the current z");
  const small = add(digits, "div", {className: "small"});

  const again = add(bar, "button", {type: "button", textContent: "New z"});
  const seed = add(add(bar, "label", {textContent: "seed"}), "input",
    {type: "number", min: 0, max: 999999, value: settings.seed});
  const slider = (text, min, max, value) => {
    const row = add(controls, "label");
    add(row, "span", {textContent: text});
    const range = add(row, "input", {type: "range", min, max, step: 0.01, value});
    return Object.assign(range, {rest: value, shown: add(row, "output")});
  };
  const moves = settings.names.map(text => slider(text, -settings.reach, settings.reach, 0));
  const walk = slider("walk to next", 0, 1, 0), length = slider("length of z", 0, 2, 1);
  const sliders = [...moves, walk, length];
  const reset = add(controls, "button", {type: "button", textContent: "Reset sliders"});

  let zs;
  const moved = i => {  // where the sliders take the z of digit i
    const next = zs[(i + 1) % zs.length], t = +walk.value;
    return zs[i].map((here, k) => moves.reduce(
      (sum, move, d) => sum + move.value * U[d * latent + k],
      length.value * ((1 - t) * here + t * next[k])));
  };
  const paint = (canvas, x) => {
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    x.forEach((value, i) => {
      const grey = Math.round((value + 1) * 127.5);
      image.data.set([grey, grey, grey, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  };
  const update = () => {
    canvases.forEach((canvas, i) => paint(canvas, generate(moved(i))));
    for (const s of sliders) s.shown.textContent = (+s.value).toFixed(2);
  };
  const redraw = () => { zs = draw(+seed.value, settings.small + 1); update(); };
  for (let i = 1; i <= settings.small; i++) {
    const button = add(small, "button", {type: "button"});
    name(button, `small digit ${i}: swap with the large one`);
    canvases.push(add(button, "canvas", {width, height}));
    button.onclick = () => { [zs[0], zs[i]] = [zs[i], zs[0]]; update(); };
  }
  again.onclick = () => { seed.value = Math.floor(Math.random() * 1e6); redraw(); };
  reset.onclick = () => { for (const s of sliders) s.value = s.rest; update(); };
  seed.oninput = redraw;
  for (const s of sliders) s.oninput = update;

  Object.assign(figure, {generate, draw});  // for the console, and for tests
  redraw();
  still.hidden = true; still.after(panel);
})();

  const figure = document.currentScript.parentElement, still = figure.querySelector("img");
  const settings = JSON.parse(figure.dataset.settings), {shapes, slope, width, height} = settings;

  // A float16 has a sign, 5 bits of exponent and 10 of fraction. Not every browser knows the type.
  const bytes = Uint8Array.from(atob(figure.dataset.weights), c => c.charCodeAt(0));
  const half = i => {
    const bits = bytes[2 * i] | bytes[2 * i + 1] << 8;
    const exponent = bits >> 10 & 31, fraction = (bits & 1023) / 1024;
    const size = exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14;
    return bits & 0x8000 ? -size : size;
  };
  let read = 0;  // the matrices, each row after row; the last one holds the directions
  const matrices = shapes.map(([rows, columns]) =>
    Float64Array.from({length: rows * columns}, () => half(read++)));
  const U = matrices.pop(), latent = shapes.at(-1)[1];

  const dense = (v, W, b) => {
    const sums = Float64Array.from(b);
    for (let i = 0; i < v.length; i++)
      for (let j = 0; j < sums.length; j++) sums[j] += v[i] * W[i * sums.length + j];
    return sums;
  };
  const leaky = a => Math.max(a, slope * a);
  // Weights and biases in turn: a leaky ReLU after each pair, tanh after the last.
  const layers = (v, pairs) => {
    for (let i = 0; i < pairs.length; i += 2)
      v = dense(v, pairs[i], pairs[i + 1]).map(i + 2 < pairs.length ? leaky : Math.tanh);
    return v;
  };

  // A function that draws numbers uniform on [-1, 1), by the random generator mulberry32.
  const uniform = seed => () => {
    seed = seed + 0x6D2B79F5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, seed | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 31 - 1;
  };
  const vectors = (n, number) =>
    Array.from({length: n}, () => Float64Array.from({length: latent}, number));

  const add = (parent, tag, settings = {}) =>
    parent.appendChild(Object.assign(document.createElement(tag), settings));
  const name = (element, text) => element.setAttribute("aria-label", text);
  const panel = document.createElement("div");
  panel.className = "panel";
  const sliders = [];
  const slider = (parent, text, min, max, value) => {
    const row = add(parent, "label");
    add(row, "span", {textContent: text});
    const range = add(row, "input", {type: "range", min, max, step: 0.01, value});
    sliders.push(Object.assign(range, {rest: value, shown: add(row, "output")}));
    return range;
  };
  const directions = parent =>
    settings.names.map(text => slider(parent, text, -settings.reach, settings.reach, 0));
  const moved = (z, moves) => z.map((here, k) =>
    moves.reduce((sum, move, d) => sum + move.value * U[d * latent + k], here));
  const paint = (canvas, x) => {
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    x.forEach((value, i) => {
      const grey = Math.round((value + 1) * 127.5);
      image.data.set([grey, grey, grey, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  };
  // What stands in every panel: a button for another z, its seed, and the sliders back to rest.
  const start = (again, seed, reset, redraw, update) => {
    again.onclick = () => { seed.value = Math.floor(Math.random() * 1e6); redraw(); };
    reset.onclick = () => { for (const s of sliders) s.value = s.rest; update(); };
    seed.oninput = redraw;
    for (const s of sliders) s.oninput = update;
    redraw();
    still.hidden = true; still.after(panel);
  };

  // The generator: x = tanh(leaky(z W1 + b1) W2 + b2), for z uniform on [-1, 1).
  const generate = z => layers(z, matrices);
  const draw = (seed, n) => vectors(n, uniform(seed));  // n vectors z, made of the seed alone

  const digits = add(panel, "div", {className: "digits"});
  const controls = add(panel, "div", {className: "controls"}), bar = add(controls, "div");
  const canvases = [add(digits, "canvas", {width, height})];
  canvases[0].setAttribute("role", "img");
  name(canvases[0], "what the generator draws of the current z");
  const small = add(digits, "div", {className: "small"});

  const again = add(bar, "button", {type: "button", textContent: "New z"});
  const seed = add(add(bar, "label", {textContent: "seed"}), "input",
    {type: "number", min: 0, max: 999999, value: settings.seed});
  const moves = directions(controls);
  const walk = slider(controls, "walk to next", 0, 1, 0);
  const length = slider(controls, "length of z", 0, 2, 1);
  const reset = add(controls, "button", {type: "button", textContent: "Reset sliders"});

  let zs;
  const current = i => {  // where the sliders take the z of digit i
    const next = zs[(i + 1) % zs.length], t = +walk.value;
    return moved(zs[i].map((here, k) => length.value * ((1 - t) * here + t * next[k])), moves);
  };
  const update = () => {
    canvases.forEach((canvas, i) => paint(canvas, generate(current(i))));
    for (const s of sliders) s.shown.textContent = (+s.value).toFixed(2);
  };
  for (let i = 1; i <= settings.small; i++) {
    const button = add(small, "button", {type: "button"});
    name(button, `small digit ${i}: swap with the large one`);
    canvases.push(add(button, "canvas", {width, height}));
    button.onclick = () => { [zs[0], zs[i]] = [zs[i], zs[0]]; update(); };
  }

  Object.assign(figure, {generate, draw});  // for the console, and for tests
  const redraw = () => { zs = draw(+seed.value, settings.small + 1); update(); };
  start(again, seed, reset, redraw, update);

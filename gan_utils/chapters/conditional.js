  // The generator: z and the label's vector, then dense layers with a leaky ReLU between them, tanh.
  const table = matrices.shift(), embedding = shapes[0][1];
  const generate = (z, label) =>
    layers([...z, ...table.slice(label * embedding, (label + 1) * embedding)], matrices);

  // n vectors z, normal, made of the seed alone: two uniform numbers give one (Box & Muller).
  const draw = (seed, n) => {
    const number = uniform(seed), share = () => (Math.fround(number()) + 1) / 2;
    const normal = () => {
      const radius = Math.sqrt(-2 * Math.log(Math.max(1 - share(), 2 ** -32)));
      return radius * Math.cos(2 * Math.PI * share());
    };
    return vectors(n, normal);
  };

  const top = add(panel, "label", {className: "typed"});
  add(top, "span", {textContent: "Type up to 8 digits"});
  const typed = add(top, "input",
    {type: "text", inputMode: "numeric", value: settings.digits, autocomplete: "off"});
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
  const moves = directions(controls), walk = slider(controls, "another style", 0, 1, 0);

  let zs;
  const current = () => {  // from one z along a quarter of a circle to another, and the directions
    const turn = +walk.value * Math.PI / 2, [here, there] = [Math.cos(turn), Math.sin(turn)];
    return moved(zs[0].map((value, k) => here * value + there * zs[1][k]), moves);
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
    const cleaned = text => text.replace(/\D/g, "").slice(0, 8);
    const digits = cleaned(typed.value), z = current();
    if (typed.value !== digits) {
      const caret = cleaned(typed.value.slice(0, typed.selectionStart)).length;
      typed.value = digits;
      if (document.activeElement === typed) typed.setSelectionRange(caret, caret);
    }
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
  typed.oninput = update;

  Object.assign(figure, {generate, draw});  // for the console, and for tests
  const redraw = () => { zs = draw(+seed.value, 2); update(); };
  start(again, seed, reset, redraw, update);

(() => {
  // --- The sums of chapter 08. tests/test_instrument_convolution.py holds them against the
  // package's calculator and against Keras.

  // The calculator, in the words of upsampling.transposed_geometry: kernels and paddings with which
  // a transposed convolution makes `large` of `small`. Returns {fits} or {refused}.
  const geometry = (small, large, stride = 2, largest = 6) => {
    if (Math.min(small, large, stride) < 1 || largest < stride)
      return {refused: `small ${small}, large ${large} and stride ${stride} must be at least 1, `
        + `and largest ${largest} at least the stride.`};
    const fits = [], sizes = new Set();
    for (let kernel = stride; kernel <= largest; kernel++)
      for (let padding = 0; 2 * padding < kernel; padding++) {
        const size = (small - 1) * stride + kernel - 2 * padding;
        sizes.add(size);
        if (size === large) fits.push([kernel, padding]);
      }
    if (fits.length) return {fits};
    const possible = [...sizes].sort((a, b) => a - b).join(", ");
    return {refused: `${large} pixels cannot be made of ${small} with stride ${stride} and a `
      + `kernel of ${stride} to ${largest}. Possible: ${possible}.`};
  };

  const many = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`, times = n => many(n, "time");

  // Both sides, and the call of Keras. `side` is that of the picture that goes in. The border lies
  // around the larger picture: zeros to a convolution, cut off by a transposed one.
  const layer = ({kind, side, kernel, stride, padding, output_padding: extra}) => {
    if (kind === "convolution") {
      const room = side + 2 * padding - kernel, small = Math.floor(room / stride) + 1;
      if (room < 0) return {refused: `A kernel of ${kernel} does not fit into `
        + `${many(side, "pixel")} with a padding of ${padding}. `
        + `Possible: 1 to ${side + 2 * padding}.`};
      const same = Math.ceil(side / stride);
      const before = Math.floor(Math.max((same - 1) * stride + kernel - side, 0) / 2);
      const options = `1, ${kernel}, strides=${stride}`;
      const call = padding === 0 ? `Conv2D(${options})`
        : before === padding && same === small ? `Conv2D(${options}, padding="same")`
        : `ZeroPadding2D(${padding})\nConv2D(${options})`;
      return {small, large: side, call, left: room % stride};
    }
    const sheet = (side - 1) * stride + kernel + extra, large = sheet - 2 * padding;
    if (extra >= stride) return {refused: `An output padding of ${extra} is not below the stride. `
      + `Possible: 0 to ${stride - 1}.`};
    if (large < 1) return {refused: `A padding of ${padding} cuts all ${many(sheet, "pixel")} off. `
      + `Possible: 0 to ${Math.floor((sheet - 1) / 2)}.`};
    const same = Math.floor(Math.max(kernel - stride, 0) / 2);
    const options = `1, ${kernel}, strides=${stride}`;
    const ends = extra || kernel < stride ? `, output_padding=${extra}` : "";
    const call = large === side * stride && padding === same
      ? `Conv2DTranspose(${options}, padding="same")`
      : `Conv2DTranspose(${options}${ends})` + (padding ? `\nCropping2D(${padding})` : "");
    return {small: side, large, call, left: 0};
  };

  // The numbers of chapter 08, repeated where more are needed. Of `numbers` the picture that goes
  // in is given; the other is made of it. `counts` says of each cell how many of the other picture
  // it meets. Both come with the border of the larger one.
  const tiled = rows => (i, j) => rows[i % rows.length][j % rows[0].length];
  const w = tiled([[1, 0, 2, 1], [0, 3, 1, 0], [2, 1, 0, 1], [0, 1, 1, 2]]);
  const x = tiled([[0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0], [0, 0, 0, 2, 0, 0], [0, 0, 2, 0, 0, 0],
    [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]);
  const v = tiled([[1, 2, 1], [3, 1, 2], [1, 1, 2]]);
  const square = (n, value) => Array.from({length: n}, (_, i) =>
    Array.from({length: n}, (_, j) => value(i, j)));
  const pictures = (settings, cells) => {
    const {kind, kernel, stride, padding} = settings, {small, large} = layer(settings);
    const wide = large + 2 * padding, inside = i => i >= padding && i < padding + large;
    const counting = cells === "counts", forward = kind === "convolution";
    const there = (i, j) => inside(i) && inside(j);
    const smalls = square(small, (a, b) => counting || forward ? 0 : v(a, b));
    const larges = square(wide, (i, j) =>
      !counting && forward && there(i, j) ? x(i - padding, j - padding) : 0);
    for (let a = 0; a < small; a++) for (let b = 0; b < small; b++)
      for (let t = 0; t < kernel; t++) for (let u = 0; u < kernel; u++) {
        const [i, j] = [a * stride + t, b * stride + u];
        if (counting) { larges[i][j]++; smalls[a][b] += there(i, j); }
        else if (forward) smalls[a][b] += larges[i][j] * w(t, u);
        else larges[i][j] += smalls[a][b] * w(t, u);
      }
    return {smalls, larges, kernels: square(kernel, counting ? () => 1 : w)};
  };

  // --- The page.
  const figure = document.currentScript.parentElement, still = figure.querySelector("img");
  const {start, limits} = JSON.parse(figure.dataset.convolution);
  // With "off" a browser that comes back leaves the values alone: the charts would not follow.
  const add = (parent, tag, settings = {}) =>
    parent.appendChild(Object.assign(document.createElement(tag), {autocomplete: "off"}, settings));
  const panel = document.createElement("div");
  panel.className = "panel";
  const controls = add(panel, "div", {className: "form"}), boxes = {};
  const select = (key, text, options) => {
    const label = add(controls, "label");
    add(label, "span", {textContent: text});
    label.className = key;
    boxes[key] = add(label, "select");
    for (const [value, words] of options) add(boxes[key], "option", {value, textContent: words});
    boxes[key].onchange = () => { if (key === "kind") doubled(); update(); };
  };
  const slider = (key, text) => {
    const label = add(controls, "label", {className: "slide"}), [min, max] = limits[key];
    add(label, "span", {textContent: text});
    boxes[key] = add(label, "input", {type: "range", min, max, step: 1});
    boxes[key].shown = add(label, "span", {className: "value"});
    boxes[key].shown.setAttribute("aria-hidden", "true");  // the slider says it
    boxes[key].oninput = () => update();
    return label;
  };
  select("kind", "layer", [["transposed", "transposed"], ["convolution", "convolution"]]);
  slider("side", "side, going in");
  slider("kernel", "kernel K");
  slider("stride", "stride S");
  slider("padding", "padding P");
  const extra = slider("output_padding", "output padding A");
  select("cells", "cells show", [["numbers", "an example"], ["counts", "how many cells meet"]]);

  const sizes = add(panel, "p", {className: "sizes"});
  const bar = add(panel, "div", {className: "bar"});
  const button = (parent, text, onclick) =>
    add(parent, "button", {type: "button", textContent: text, onclick});
  const playing = button(bar, "Play", () => timer ? stop() : play());
  add(bar, "span", {textContent: "Point at a cell, or walk with Tab and the arrow keys."});
  const views = add(panel, "div", {className: "views"}), tables = {};
  for (const [key, text] of [["smalls", ""], ["kernels", "kernel"], ["larges", ""]]) {
    const part = add(views, "div", {className: key});
    const caption = add(part, "p", {className: "title", textContent: text});
    tables[key] = {caption, table: add(part, "table")};
    tables[key].table.setAttribute("role", "grid");
  }
  const said = add(panel, "p", {className: "said"});
  said.setAttribute("role", "status");
  const board = add(panel, "p", {className: "board"});
  const keras = add(panel, "div", {className: "bar"}), code = add(keras, "code");
  const copy = button(keras, "Copy", () => {
    const done = () => {
      copy.textContent = "Copied";
      say("The call is copied.");
      setTimeout(() => copy.textContent = "Copy", 1500);
    };
    navigator.clipboard ? navigator.clipboard.writeText(code.textContent).then(done, mark) : mark();
  });
  const mark = () => getSelection().selectAllChildren(code);  // to be copied by hand
  const ask = add(panel, "div", {className: "bar"}), wish = add(ask, "label");
  const question = add(wish, "span");
  const wanted = add(wish, "input", {type: "number", min: 1, max: 99, step: 1});
  const answer = add(ask, "span", {className: "found"});
  wanted.oninput = () => { calculate(); say(answer.innerText); };

  const doubled = () => {  // or halved, if the stride is 2: what the calculator is asked at first
    const {kind, side, stride} = read();
    wanted.value = kind === "convolution" ? Math.ceil(side / stride) : side * stride;
  };
  let settings, shown, timer = 0, saidAt = 0, later = 0, words = "";
  const say = text => {  // at most once a second
    words = text;
    clearTimeout(later);
    later = setTimeout(() => { saidAt = performance.now(); said.textContent = words; },
      Math.max(0, saidAt + 1000 - performance.now()));
  };
  const read = () => Object.fromEntries(Object.keys(boxes).map(key =>
    [key, boxes[key].type === "range" ? +boxes[key].value : boxes[key].value]));
  const update = () => {
    stop();
    boxes.output_padding.max = Math.max(0, +boxes.stride.value - 1);
    for (const key in limits) boxes[key].shown.textContent = boxes[key].value;
    settings = read();
    const {kind, side, kernel, stride, padding, output_padding} = settings;
    const forward = kind === "convolution", result = layer(settings);
    extra.hidden = forward;
    const {small, large, refused, left} = result;
    sizes.textContent = refused ? `Refused: ${refused}` : forward
      ? `⌊(${side} + 2 · ${padding} − ${kernel})/${stride}⌋ + 1 = `
        + `${many(small, "pixel")} of ${side}`
        + (left ? `; ${left} at the end ${left > 1 ? "are" : "is"} not read` : "") + "."
      : `(${side} − 1) · ${stride} + ${kernel} − 2 · ${padding}`
        + `${output_padding ? " + " + output_padding : ""} = ${many(large, "pixel")} of ${side}.`;
    const wide = refused ? 0 : large + 2 * padding, fits = wide && wide <= 16;
    panel.classList.toggle("refused", !!refused);
    views.hidden = !fits;
    views.classList.toggle("many", small > 7);
    playing.disabled = !fits;
    keras.hidden = !!refused;
    code.textContent = result.call || "";
    board.textContent = refused ? "" : checkerboard(kernel, stride, forward);
    shown = null;
    if (fits) fill(result);
    const sides = forward ? [large, small] : [small, large];
    say(refused ? sizes.textContent : `From ${many(sides[0], "pixel")} to ${sides[1]}: `
      + (fits ? "no cell is chosen." : `${wide} cells a side are too many to draw.`));
    calculate();
  };
  const checkerboard = (kernel, stride, forward) => {
    const low = Math.floor(kernel / stride) ** 2, high = Math.ceil(kernel / stride) ** 2;
    const met = forward ? "is read" : "gets a print";
    const where = "Away from the edges";
    return low === high
      ? `${where} every pixel ${met} ${times(low)}: the stride divides the kernel.`
      : `${where} a pixel ${met} ${low} to ${times(high)}, in a checkerboard: the stride does not `
        + "divide the kernel.";
  };
  const calculate = () => {
    const {kind, side, stride} = settings, goal = +wanted.value;
    const ask = n => kind === "convolution" ? geometry(n, side, stride) : geometry(side, n, stride);
    const found = ask(goal);
    if (!Number.isInteger(goal) || goal < 1 || goal > 99)
      found.refused = "it must be a whole number from 1 to 99.";
    else if (found.refused && kind === "convolution") {  // in the direction that was asked for
      const possible = Array.from({length: 99}, (_, i) => i + 1).filter(n => ask(n).fits);
      found.refused = `${goal} pixels cannot be made of ${side} with stride ${stride} and a kernel `
        + `of ${stride} to 6. Possible: ${possible.join(", ")}.`;
    }
    question.textContent = `Calculator: from ${many(side, "pixel")} to`;
    answer.textContent = "";
    if (found.refused) answer.textContent = `Refused: ${found.refused}`;
    else for (const [kernel, padding] of found.fits)
      button(answer, `kernel ${kernel}, padding ${padding}`, () => {
        boxes.kernel.value = kernel; boxes.padding.value = padding; boxes.output_padding.value = 0;
        update();
        wanted.focus();  // the button is gone
      });
  };

  // The tables. One cell of each can be reached with Tab; the arrow keys move on from there.
  const fill = ({small, large}) => {
    const {kind, kernel, padding, cells} = settings;
    shown = {...pictures(settings, cells), small, large};
    const forward = kind === "convolution";
    const inner = `${small} by ${small}`, outer = `${large} by ${large}`;
    tables.smalls.caption.textContent = forward ? `out: ${inner}` : `in: ${inner}`;
    tables.kernels.caption.textContent = `kernel: ${kernel} by ${kernel}`;
    tables.larges.caption.textContent = (forward ? `in: ${outer}` : `out: ${outer}`)
      + (padding ? forward ? ", in a border of zeros" : ", its border cut off" : "");
    views.classList.toggle("forward", forward);
    for (const [key, {table, caption}] of Object.entries(tables)) {
      const values = shown[key];
      table.textContent = "";
      table.setAttribute("aria-label", caption.textContent);
      table.style.setProperty("--cells", values.length);
      values.forEach((row, i) => {
        const line = add(table, "tr");
        row.forEach((value, j) => {
          const cell = add(line, "td", {textContent: value, tabIndex: i + j ? -1 : 0});
          Object.assign(cell.dataset, {i, j});
          const cut = key === "larges" && [i, j].some(k => k < padding || k >= padding + large);
          cell.classList.toggle("cut", cut);
        });
      });
    }
    shown.cells = Object.fromEntries(Object.entries(tables).map(([key, {table}]) =>
      [key, [...table.rows].map(row => [...row.cells])]));
  };
  const choose = (key, i, j) => {
    const {stride, kernel, padding, kind, cells} = settings;
    const {smalls, larges, kernels, small, large} = shown;
    const outside = k => k < padding || k >= padding + large;
    const lit = {smalls: [], kernels: [], larges: []}, products = [];
    let pairs = 0, sum = 0, border = 0;
    for (let a = 0; a < small; a++) for (let b = 0; b < small; b++)
      for (let t = 0; t < kernel; t++) for (let u = 0; u < kernel; u++) {
        const [y, z] = [a * stride + t, b * stride + u];
        const [here, there] = {smalls: [a, b], kernels: [t, u], larges: [y, z]}[key];
        if (here !== i || there !== j) continue;
        pairs++;
        border += [y, z].some(outside);
        lit.smalls.push([a, b]); lit.kernels.push([t, u]); lit.larges.push([y, z]);
        const factor = kind === "convolution" ? larges[y][z] : smalls[a][b];
        sum += factor * kernels[t][u];
        if (factor * kernels[t][u]) products.push(`${factor} · ${kernels[t][u]}`);
      }
    for (const name in lit) {
      for (const cell of shown.cells[name].flat()) cell.classList.remove("lit", "at");
      for (const [y, z] of lit[name]) shown.cells[name][y][z].classList.add("lit");
    }
    shown.cells[key][i][j].classList.add("at");
    // Words: what is made of many cells is a sum; what goes into many cells is spread.
    const forward = kind === "convolution", made = forward ? "smalls" : "larges";
    const [row, column] = key === "larges" ? [i - padding, j - padding] : [i, j];
    const place = `row ${row}, column ${column}`.replace(/-/g, "−");
    const isCut = key === "larges" && [i, j].some(outside), met = many(pairs, "cell");
    const part = key === "smalls" && border ? `, ${border} of the border` : "";
    if (key === "kernels") say(`The weight at ${place} is used ${times(pairs)}, once a stop.`);
    else if (key === made) {
      const list = products.slice(0, 8).join(" + ") + (products.length > 8 ? " + …" : "");
      say(`The output at ${place} is fed by ${met}${part}${isCut ? ", and is cut off" : ""}.`
        + (cells === "numbers" && products.length ? ` ${list} = ${sum}` : ""));
    } else say(`The input at ${place} goes into ${met} of the output`
      + (isCut ? "; it is a zero of the border." : part ? `${part}, which is cut off.` : "."));
  };
  for (const key in tables) {
    const {table} = tables[key];
    const cell = event => event.target.closest("td");
    table.onpointerover = table.onclick = event => {
      if (!cell(event) || event.type === "pointerover" && timer) return;
      stop();
      choose(key, +cell(event).dataset.i, +cell(event).dataset.j);
    };
    table.addEventListener("focusin", event => {
      if (!cell(event)) return;
      table.querySelector("[tabindex='0']").tabIndex = -1;
      cell(event).tabIndex = 0;
      if (!timer) choose(key, +cell(event).dataset.i, +cell(event).dataset.j);
    });
    table.onkeydown = event => {
      const ways = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
      const by = ways[event.key];
      if (!by || !cell(event)) return;
      event.preventDefault();
      stop();
      const {i, j} = cell(event).dataset;
      const next = (shown.cells[key][+i + by[0]] || [])[+j + by[1]];
      if (next) next.focus();
    };
  }

  // Play: stop after stop, as the window slides or the stamp moves on.
  const stop = () => { clearInterval(timer); timer = 0; playing.textContent = "Play"; };
  const play = () => {
    let i = 0;
    const next = () => {
      if (i >= shown.small ** 2) return stop();
      choose("smalls", Math.floor(i / shown.small), i % shown.small);
      i++;
    };
    timer = setInterval(next, 1000);
    playing.textContent = "Pause";
    next();
  };
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  new IntersectionObserver(entries => timer && !entries.at(-1).isIntersecting && stop())
    .observe(figure);

  Object.assign(figure, {geometry, layer, pictures});  // for the console, and for tests
  still.hidden = true; still.after(panel);
  for (const key in boxes) boxes[key].value = start[key];
  doubled();
  update();
})();

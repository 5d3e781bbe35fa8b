(() => {
  // --- The engine: two networks, their losses, R1 and R2, Adam, all by hand and in float64. It is
  // held against Keras by tests/test_instrument_plane.py.

  // Numbers in [0, 1), made of the seed alone (mulberry32 of Tommy Ettinger), and normal ones.
  const uniform = seed => () => {
    seed = seed + 0x6D2B79F5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, seed | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
  const stream = (seed, name) =>
    uniform(Math.imul(seed + 1, 0x9E3779B1) ^ Math.imul(name, 0x85EBCA6B));
  const normal = random => () =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const fill = (n, number) => Float64Array.from({length: n}, number);

  // A network of dense layers with ReLU between them. All its parameters lie in one array in the
  // order of Keras: W (inputs by outputs) and b of each layer. The gradient and Adam's two means
  // lie in arrays of the same form.
  const network = (sizes, random) => {
    let length = 0;
    const places = sizes.slice(1).map((out, k) => {
      const place = {into: sizes[k], out, W: length, b: length + sizes[k] * out};
      length = place.b + out;
      return place;
    });
    const [w, g, m, v] = [0, 0, 0, 0].map(() => new Float64Array(length));
    const layers = places.map(({into, out, W, b}) => ({
      into, out, W: w.subarray(W, b), b: w.subarray(b, b + out),
      gW: g.subarray(W, b), gb: g.subarray(b, b + out),
    }));
    for (const {into, out, W} of random ? layers : []) {  // as Glorot & Bengio 2010
      const limit = Math.sqrt(6 / (into + out));
      for (let i = 0; i < W.length; i++) W[i] = limit * (2 * random() - 1);
    }
    return {sizes, layers, w, g, m, v, updates: 0};
  };

  // What a pass of n points leaves behind, an array for each layer: activations a, slopes of the
  // output d (by the layer's sums), and tangents t (how a moves with x in a given direction).
  const tape = (net, n) => {
    const arrays = () => net.sizes.map(size => new Float64Array(n * size));
    return {net, n, a: arrays(), d: arrays(), t: arrays()};
  };

  const forward = (tape, x) => {
    const {net: {layers}, n, a} = tape;
    a[0].set(x);
    layers.forEach(({into, out, W, b}, k) => {
      const X = a[k], Y = a[k + 1], hidden = k < layers.length - 1;
      for (let i = 0; i < n; i++) {
        const row = i * out;
        for (let j = 0; j < out; j++) Y[row + j] = b[j];
        for (let p = 0; p < into; p++) {
          const value = X[i * into + p];
          if (value === 0) continue;  // half of the ReLUs are
          for (let j = 0, q = p * out; j < out; j++, q++) Y[row + j] += value * W[q];
        }
        if (hidden) for (let j = row; j < row + out; j++) if (Y[j] < 0) Y[j] = 0;
      }
    });
    return a[layers.length];
  };

  // From the slopes at the output, which the caller has put into the last d, down to those at x.
  const backward = tape => {
    const {net: {layers}, n, a, d} = tape;
    for (let k = layers.length - 1; k >= 0; k--) {
      const {into, out, W} = layers[k], D = d[k + 1], E = d[k], A = a[k];
      for (let i = 0; i < n; i++)
        for (let p = 0; p < into; p++) {
          let sum = 0;
          if (!k || A[i * into + p] > 0)
            for (let j = 0, q = p * out, r = i * out; j < out; j++, q++, r++) sum += D[r] * W[q];
          E[i * into + p] = sum;
        }
    }
    return d[0];
  };

  // Add to the gradient: slopes by the sums, times what went into them. s holds a factor for each
  // point, or is null for 1. With tangents the derivative of <t, slope by x> is added as well.
  const collect = ({net: {layers}, n, a, d, t}, s, tangents) => {
    layers.forEach(({into, out, gW, gb}, k) => {
      const A = a[k], T = t[k], D = d[k + 1];
      for (let i = 0; i < n; i++) {
        const factor = s ? s[i] : 1, row = i * out;
        for (let p = 0; p < into; p++) {
          const value = factor * A[i * into + p] + (tangents ? T[i * into + p] : 0);
          if (value === 0) continue;
          for (let j = 0, q = p * out; j < out; j++, q++) gW[q] += value * D[row + j];
        }
        for (let j = 0; j < out; j++) gb[j] += factor * D[row + j];
      }
    });
  };

  // The penalty gamma/2 mean |slope of the logit by x|². Its gradient needs the slope of a slope.
  // Between two kinks of the ReLUs the logit is linear in x, so the slope is the product of the
  // open weights, and the derivative of <t, slope> by a layer's weights is: how the layer's input
  // moves if x moves by t, times the slope of the logit by the layer's sums.
  const penalty = (tape, gamma) => {
    const {net: {layers}, n, a, d, t} = tape;
    let sum = 0;
    for (let i = 0; i < d[0].length; i++) {
      t[0][i] = gamma / n * d[0][i];
      sum += d[0][i] ** 2;
    }
    for (let k = 0; k < layers.length - 1; k++) {
      const {into, out, W} = layers[k], S = t[k], T = t[k + 1], A = a[k + 1];
      T.fill(0);
      for (let i = 0; i < n; i++) {
        const row = i * out;
        for (let p = 0; p < into; p++) {
          const value = S[i * into + p];
          if (value === 0) continue;
          for (let j = 0, q = p * out; j < out; j++, q++) T[row + j] += value * W[q];
        }
        for (let j = row; j < row + out; j++) if (!(A[j] > 0)) T[j] = 0;
      }
    }
    return gamma / 2 * sum / n;
  };

  const adam = (net, rate, beta1, beta2 = 0.999) => {  // Kingma & Ba 2015, with Keras's epsilon
    const {w, g, m, v} = net, n = ++net.updates;
    const alpha = rate * Math.sqrt(1 - beta2 ** n) / (1 - beta1 ** n);
    for (let i = 0; i < w.length; i++) {
      m[i] += (1 - beta1) * (g[i] - m[i]);
      v[i] += (1 - beta2) * (g[i] * g[i] - v[i]);
      w[i] -= alpha * m[i] / (Math.sqrt(v[i]) + 1e-7);
    }
  };

  const softplus = l => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l)));
  const sigmoid = l => l < 0 ? Math.exp(l) / (1 + Math.exp(l)) : 1 / (1 + Math.exp(-l));

  // Loss of D, and its slope by each logit, which is put into sReal and sFake.
  const dLoss = ({loss, real_target: target}, real, fake, sReal, sFake) => {
    const n = real.length;
    let sum = 0;
    for (let i = 0; i < n; i++)
      if (loss === "relativistic") {  // pairs (Jolicoeur-Martineau 2019; Huang et al. 2024)
        sum += softplus(fake[i] - real[i]);
        sFake[i] = sigmoid(fake[i] - real[i]) / n;
        sReal[i] = -sFake[i];
      } else {
        sum += softplus(real[i]) - target * real[i] + softplus(fake[i]);
        sReal[i] = (sigmoid(real[i]) - target) / n;
        sFake[i] = sigmoid(fake[i]) / n;
      }
    return sum / n;
  };
  const gLoss = ({loss}, real, fake, s) => {
    const n = fake.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      if (loss === "minimax") {
        sum -= softplus(fake[i]);
        s[i] = -sigmoid(fake[i]) / n;
      } else {
        const l = loss === "relativistic" ? fake[i] - real[i] : fake[i];
        sum += softplus(-l);
        s[i] = -sigmoid(-l) / n;
      }
    }
    return sum / n;
  };

  // The game. `options` are read anew in every update, so that they can be changed while it runs.
  const game = (options, sizesG, sizesD) => {
    const {width, batch: n, seed} = options;
    const G = network(sizesG || [2, width, width, 2], stream(seed, 1));
    const D = network(sizesD || [2, width, width, 1], stream(seed, 2));
    const made = tape(G, n), real = tape(D, n), fake = tape(D, n);
    const [sReal, sFake] = [new Float64Array(n), new Float64Array(n)];
    const last = D.layers.length;
    return {
      G, D, n,
      updateD(x, z) {
        const logits = [forward(real, x), forward(fake, forward(made, z))];
        const loss = dLoss(options, ...logits, sReal, sFake);
        D.g.fill(0);
        let extra = 0;
        for (const [pass, s, gamma] of [[real, sReal, options.r1], [fake, sFake, options.r2]]) {
          pass.d[last].fill(1);  // slopes of the logit itself; the loss comes in by the factors s
          backward(pass);
          if (gamma) extra += penalty(pass, gamma);
          collect(pass, s, gamma > 0);
        }
        adam(D, options.d_rate, options.beta_1);
        return {loss, penalty: extra};
      },
      updateG(x, z) {
        const logits = forward(fake, forward(made, z));
        const others = options.loss === "relativistic" && forward(real, x);
        const loss = gLoss(options, others, logits, sFake);
        fake.d[last].set(sFake);
        made.d[G.layers.length].set(backward(fake));
        G.g.fill(0);
        backward(made);
        collect(made, null);
        adam(G, options.g_rate, options.beta_1);
        return {loss};
      },
    };
  };

  // --- Data: centres and sigma of a mixture, or a rule; the half side of the picture; the centre.
  const ring = Array.from({length: 8}, (_, i) =>
    [Math.cos(Math.PI * i / 4), Math.sin(Math.PI * i / 4)]);
  const grid = Array.from({length: 25}, (_, i) => [2 * (i % 5) - 4, 2 * Math.floor(i / 5) - 4]);
  const DATA = {
    ring: {modes: ring, sigma: 0.01, half: 1.6, middle: 0},
    grid: {modes: grid, sigma: 0.05, half: 5.2, middle: 0},
    square: {half: 1.2, middle: 0.5},
    drawn: {sigma: 0.03, half: 1.6, middle: 0},
  };
  const sampler = (name, drawn, random) => {
    const {modes, sigma} = DATA[name], draw = normal(random), centres = modes || drawn;
    return n => {
      const x = new Float64Array(2 * n);
      for (let i = 0; i < 2 * n; i += 2)
        if (name === "square") { x[i] = random(); x[i + 1] = random(); } else {
          const centre = centres[Math.floor(centres.length * random())];
          x[i] = centre[0] + sigma * draw();
          x[i + 1] = centre[1] + sigma * draw();
        }
      return x;
    };
  };

  // Srivastava et al. 2017: a point is of high quality within 3 sigma of its nearest centre, and a
  // mode is covered if at least one such point belongs to it.
  const coverage = (points, modes, sigma) => {
    const counts = new Array(modes.length).fill(0);
    for (let i = 0; i < points.length; i += 2) {
      let best = Infinity, at = 0;
      modes.forEach(([x, y], k) => {
        const distance = (points[i] - x) ** 2 + (points[i + 1] - y) ** 2;
        if (distance < best) { best = distance; at = k; }
      });
      if (best <= 9 * sigma * sigma) counts[at]++;
    }
    const good = counts.reduce((a, b) => a + b, 0);
    return {modes: counts.filter(Boolean).length, quality: good / (points.length / 2), counts};
  };

  // --- The runner: it holds a game, does as messages say, and answers with what there is to see.
  const VIEW = 256, ARROWS = 96, SIDE = 40, TEST = 2500;
  const runner = (reply, slice) => {
    let options, round, running = false, speed = 0, play, data, draw, drawn, noise, tapes, seen;
    let step, done, extra, sums, shown, covered, coveredAt, budget, last, rate;

    const provide = points => {  // the data, and the same 256 real points in every picture
      drawn = points;
      data = sampler(options.data, drawn, stream(options.seed, 3));
      seen.real = sampler(options.data, drawn, stream(options.seed, 6))(VIEW);
    };
    const start = (levels, points) => {
      const {seed, batch} = options, {half, middle} = DATA[options.data];
      play = game(options);
      noise = normal(stream(seed, 4));
      draw = () => [data(batch), fill(2 * batch, noise)];
      const z = fill(2 * TEST, normal(stream(seed, 5))), lines = [], places = [];
      const across = i => 2 * i / SIDE - 1;
      for (const level of levels)
        for (let i = 0; i <= SIDE; i++) lines.push(level, 2.6 * across(i));
      for (let i = 0, n = lines.length; i < n; i += 2) lines.push(lines[i + 1], lines[i]);
      for (let i = 0; i < SIDE; i++)
        for (let j = 0; j < SIDE; j++)
          places.push(middle + half * across(j + 0.5), middle - half * across(i + 0.5));
      seen = {z: z.subarray(0, 2 * VIEW), test: z, lines, places};
      provide(points);
      tapes = {
        made: tape(play.G, VIEW), test: tape(play.G, TEST), lines: tape(play.G, lines.length / 2),
        places: tape(play.D, SIDE * SIDE), fake: tape(play.D, VIEW), real: tape(play.D, VIEW),
      };
      step = done = rate = 0;  // `done` of the updates of a step
      extra = {d: 0, g: 0};
      sums = {d: 0, g: 0, nD: 0, nG: 0};
      covered = null;
    };
    const updateD = () => { sums.d += play.updateD(...draw()).loss; sums.nD++; };
    const updateG = () => { sums.g += play.updateG(...draw()).loss; sums.nG++; };
    const next = () => {  // whether a step is whole with this update
      done < options.d_updates ? updateD() : updateG();
      if (++done < options.d_updates + options.g_updates) return false;
      done = 0;
      step++;
      return true;
    };

    const cover = () => {
      const points = forward(tapes.test, seen.test), {modes, sigma} = DATA[options.data];
      if (modes) return coverage(points, modes, sigma);
      let inside = 0;  // the square, or near a point that was drawn
      const near = options.data === "square"
        ? (x, y) => x >= 0 && x <= 1 && y >= 0 && y <= 1
        : (x, y) => drawn.some(([a, b]) => (x - a) ** 2 + (y - b) ** 2 <= 9 * sigma * sigma);
      for (let i = 0; i < points.length; i += 2) inside += near(points[i], points[i + 1]);
      return {quality: inside / TEST};
    };
    const look = () => {
      const began = performance.now(), s = new Float64Array(VIEW);
      const made = forward(tapes.made, seen.z);
      const real = forward(tapes.real, seen.real), fake = forward(tapes.fake, made);
      const mean = l => l.reduce((a, b) => a + b) / VIEW;
      // Only differences of logits count in the relativistic game: its zero is put in the middle.
      const zero = options.loss === "relativistic" ? (mean(real) + mean(fake)) / 2 : 0;
      gLoss(options, real, fake, s);
      tapes.fake.d[play.D.layers.length].set(s);
      const slope = backward(tapes.fake);
      const surface = Float32Array.from(forward(tapes.places, seen.places), l => sigmoid(l - zero));
      if (!covered || !running || began - coveredAt > 900) {
        covered = cover();
        coveredAt = began;
      }
      reply({
        round, step, extra: {...extra}, rate: running ? rate : 0, running, covered, surface,
        d: sums.nD ? sums.d / sums.nD : null, g: sums.nG ? sums.g / sums.nG : null,
        real: seen.real, made: Float32Array.from(made),
        arrows: Float32Array.from(slope.subarray(0, 2 * ARROWS), v => -VIEW * v),
        sheet: Float32Array.from(forward(tapes.lines, seen.lines)),
      });
      sums = {d: 0, g: 0, nD: 0, nG: 0};
      shown = {at: performance.now(), cost: performance.now() - began};
    };
    const go = () => {
      if (!running) return;
      const began = performance.now();
      let made = 0;
      budget = speed ? Math.min(budget + speed * (began - last) / 1000, speed) : Infinity;
      while (budget >= 1 && performance.now() - began < slice) if (next()) { made++; budget--; }
      const gone = Math.max(began - last, 1);
      rate += (1 - Math.exp(-gone / 1000)) * (made / gone * 1000 - rate);  // over a second or so
      last = began;
      // Pictures come up to 12 times a second, and may take a fifth of the time.
      const pause = Math.max(80, Math.min(4 * shown.cost, 500));
      if ((sums.nD || sums.nG) && performance.now() - shown.at > pause) look();
      setTimeout(go, speed && budget < 1 ? Math.min(1000 / speed, 30) : 0);
    };
    const stop = () => { if (running) { running = false; look(); } };

    const orders = {
      reset(message) {
        ({options, round} = message);
        running = false;
        start(message.levels, message.drawn);
        look();
      },
      set(message) { Object.assign(options, message.options); if (!running) look(); },
      drawn(message) { provide(message.drawn); if (!running) look(); },
      play(message) {
        speed = message.speed;
        if (running) return;
        running = true;
        budget = 1;
        last = performance.now();
        go();
      },
      pause: stop,
      steps(message) { stop(); for (let i = 0; i < message.n;) i += next(); look(); },
      d() { stop(); updateD(); extra.d++; look(); },
      g() { stop(); updateG(); extra.g++; look(); },
    };
    return message => orders[message.order](message);
  };
  if (typeof document === "undefined") {  // this is the worker
    const handle = runner(data => postMessage(data), 40);
    onmessage = event => handle(event.data);
    return;
  }

  // --- The page.
  const script = document.currentScript, figure = script.parentElement;
  const still = figure.querySelector("img");
  const {choices, presets, start, levels} = JSON.parse(figure.dataset.plane);
  // With "off" a browser that comes back leaves the values alone: the charts would not follow.
  const add = (parent, tag, settings = {}) =>
    parent.appendChild(Object.assign(document.createElement(tag), {autocomplete: "off"}, settings));
  const name = (element, text) => element.setAttribute("aria-label", text);
  const button = (parent, text, onclick) =>
    add(parent, "button", {type: "button", textContent: text, onclick});
  const labelled = (parent, text, tag, settings) => {
    const label = add(parent, "label");
    add(label, "span", {textContent: text});
    return add(label, tag, settings);
  };
  const select = (parent, text, options) => {
    const box = labelled(parent, text, "select");
    for (const [, words] of options) add(box, "option", {textContent: words});
    return box;
  };

  // What stands where.
  const panel = document.createElement("div");
  panel.className = "panel";
  const bar = add(panel, "div", {className: "bar"});
  const playing = button(bar, "Play", () => running ? pause() : resume());
  button(bar, "Step D", () => ready() && order("d"));
  button(bar, "Step G", () => ready() && order("g"));
  button(bar, "Reset", () => reset());
  const known = Object.values(presets);
  const preset = select(bar, "preset", [["", "your own"], ...known.map(p => ["", p.text])]);
  const views = add(panel, "div", {className: "views"});
  const main = add(views, "div", {className: "main"});
  const board = add(main, "div", {className: "board"});
  const plane = add(board, "canvas");
  const keys = add(main, "p", {className: "keys"});
  for (const [kind, text] of [["real", "real"], ["g", "generated"],
    ["arrow", "where G's loss sends it"], ["d", "D says real"]])
    add(keys, "span", {className: kind, textContent: text});
  const side = add(views, "div", {className: "side"});
  const view = (title, text) => {
    const part = add(side, "div");
    add(part, "p", {className: "title", textContent: title});
    const canvas = add(part, "canvas");
    canvas.setAttribute("role", "img"); name(canvas, text);
    return canvas;
  };
  const sheet = view("G's sheet", "Where G takes the lines of a grid over z");
  const losses = view("losses", "The losses of D and G; dashed, their values in equilibrium");
  const count = add(panel, "p", {className: "count"});
  const said = add(panel, "p", {className: "said"});
  said.setAttribute("role", "status");
  const pens = add(panel, "div", {className: "bar pens"});
  const shows = add(panel, "div", {className: "bar"}), show = {};
  const parts = [["surface", "D's surface"], ["arrows", "arrows"], ["real", "real points"]];
  for (const [key, text] of parts) {
    const label = add(shows, "label", {className: "check"});
    show[key] = add(label, "input", {type: "checkbox", checked: true, onchange: () => soon()});
    add(label, "span", {textContent: text});
  }
  const speeds = [[0, "as fast as it goes"], [60, "60 steps a second"], [10, "10 a second"],
    [1, "1 a second"]];
  const speed = select(shows, "speed", speeds);
  speed.onchange = () => running && order("play");
  const details = add(panel, "details");
  add(details, "summary", {textContent: "Settings"});
  const form = add(details, "div", {className: "form"}), boxes = {};
  for (const [key, [text, options]] of Object.entries(choices))
    boxes[key] = select(form, text, options);
  const seed = labelled(form, "seed", "input", {type: "number", min: 0, max: 999999, step: 1});
  add(details, "p", {
    textContent: "Other data, units, batch or seed begin a new game; the rest acts at once."});
  const link = add(add(details, "p"), "a", {textContent: "Link to these settings"});

  // Settings: what the boxes show; a link holds those that differ from the first preset's.
  const RESTART = ["data", "width", "batch"], plain = known[0].settings;
  const value = key => choices[key][1][boxes[key].selectedIndex][0];
  const settings = () => {
    const now = Object.fromEntries(Object.keys(choices).map(key => [key, value(key)]));
    return {...now, seed: whole(seed.value)};
  };
  const whole = v => Math.max(0, Math.min(999999, Math.floor(+v) || 0));
  const apply = wanted => {
    for (const key in choices) {
      const at = choices[key][1].findIndex(([v]) => String(v) === String(wanted[key]));
      if (at >= 0) boxes[key].selectedIndex = at;
    }
    if (wanted.seed !== undefined) seed.value = whole(wanted.seed);
  };
  const mark = () => {  // which preset this is, and its link
    const now = settings(), draws = now.data === "drawn";
    const differ = other => Object.keys(now).filter(key => now[key] !== other[key]);
    const same = ({settings}) => differ({...plain, ...settings, seed: now.seed}).length === 0;
    preset.selectedIndex = known.findIndex(same) + 1;
    const hash = new URLSearchParams(differ({...plain, seed: 0}).map(key => [key, now[key]]));
    if (draws) hash.set("points", drawn.map(p => p.map(pack).join("")).join(""));
    link.href = "#plane:" + hash;
    pens.hidden = !draws;
    board.classList.toggle("drawing", draws);
    board.setAttribute("role", draws ? "application" : "img");
    name(board, draws ? "The plane, to draw the data in. Arrow keys move the pen, space puts a "
      + "point, shift with an arrow draws." : "The plane: real and generated points, what D says");
    if (draws) board.tabIndex = 0; else board.removeAttribute("tabindex");
  };
  // A coordinate from -1.6 to 1.6 in two letters.
  const pack = v => Math.round((v / 3.2 + 0.5) * 1295).toString(36).padStart(2, "0");
  const unpack = text => (parseInt(text, 36) / 1295 - 0.5) * 3.2;
  const wave = Array.from({length: 60}, (_, i) => i / 29.5 - 1).map(
    y => [-0.6 * Math.sin(Math.PI * y), y]);
  let drawn = wave, own = false;
  const read = hash => {  // settings of a link, or null
    if (!hash.startsWith("#plane:")) return null;
    const wanted = Object.fromEntries(new URLSearchParams(hash.slice(7)));
    const points = (wanted.points || "").match(/[0-9a-z]{4}/g);
    if (points) {
      drawn = points.slice(0, MOST).map(p => [unpack(p.slice(0, 2)), unpack(p.slice(2))]);
      own = true;
    }
    return {...plain, seed: 0, ...wanted};
  };

  // The runner, in a worker made of this very script; where there are none, in slices in the page.
  let send, worker, running = false, round = 0, now = null, history = [], saidAt = 0, later = 0;
  const hear = snapshot => {
    if (!figure.isConnected && worker) return worker.terminate();
    if (snapshot.round !== round) return;  // of a game that is over
    now = snapshot;
    if (now.d !== null || now.g !== null) {
      const {d, g} = now.extra;  // two single updates are as long as a step
      history.push([now.step + (d + g) / 2, now.d, now.g]);
      if (history.length > 400) history = history.filter((_, i) => i % 2);
    }
    if (![now.d, now.g].every(v => v === null || isFinite(v)) && running) pause();
    soon();
    say();
  };
  try {
    const source = new Blob([script.textContent], {type: "text/javascript"});
    worker = new Worker(URL.createObjectURL(source));
    worker.onmessage = event => hear(event.data);
    worker.onerror = () => { worker = null; send = runner(hear, 12); reset(); };  // forbidden
    send = message => worker.postMessage(message);
  } catch { send = runner(hear, 12); }
  const order = what => {
    if (what !== "play") halt();
    send({order: what, speed: speeds[speed.selectedIndex][0]});
  };
  const halt = () => { running = false; playing.textContent = "Play"; };
  const pause = () => order("pause");
  const empty = () => value("data") === "drawn" && !drawn.length;
  const ready = () => !empty() || (say(), false);  // it cannot learn from no points
  const resume = () => {
    if (!ready()) return;
    running = true; playing.textContent = "Pause"; order("play");
  };
  const reset = () => {
    const again = running;
    history = [];
    send({order: "reset", round: ++round, options: settings(), levels,
      drawn: drawn.length ? drawn : wave});
    halt();
    mark();
    if (again) resume();
  };

  // Words, at most once a second.
  const balance = () => {  // where the losses stand when generated and real points are alike
    const {loss, real_target: a} = settings(), d = a / 2;
    if (loss === "relativistic") return [Math.log(2), Math.log(2)];
    const ofG = loss === "minimax" ? Math.log(1 - d) : -Math.log(d);
    return [-a * Math.log(d) - (2 - a) * Math.log(1 - d), ofG];
  };
  const say = () => {
    if (!now) return;
    const {step, extra, covered: {modes, quality}, rate} = now, data = value("data");
    const singles = [extra.d && `${extra.d} of D`, extra.g && `${extra.g} of G`].filter(Boolean);
    const steps = `step ${step.toLocaleString("en")}`
      + (singles.length ? ` and updates: ${singles.join(", ")}` : "");
    count.textContent = steps + (rate ? ` · ${+rate.toPrecision(2)} steps a second` : "");
    clearTimeout(later);
    const wait = saidAt + 1000 - performance.now();
    if (wait > 0) { later = setTimeout(say, wait); return; }
    saidAt = performance.now();
    const percent = `${Math.round(100 * quality)}%`, total = (DATA[data].modes || []).length;
    const where = empty() ? "no points to learn from: draw some"
      : total ? `${modes} of ${total} modes, ${percent} of high quality`
      : data === "square" ? `${percent} inside the square`
      : `${percent} near your ${drawn.length} points` + (drawn.length < MOST ? "" : ", the most");
    const number = v => (Math.round(100 * v) / 100 || 0).toFixed(2).replace("-", "−");
    const loss = (who, k, end) => {  // the last that there is
      const row = history.findLast(row => row[k] !== null);
      if (row && !isFinite(row[k])) burst = ". The numbers have burst: reset.";
      return row ? `, loss of ${who} ${number(row[k])} (${number(end)} in equilibrium)` : "";
    };
    let burst = "";
    const ends = balance(), losses = loss("D", 1, ends[0]) + loss("G", 2, ends[1]);
    said.textContent = `${steps}: ${where}${losses}${burst}`
      + (penned() ? `. Pen at ${number(pen.x)}, ${number(pen.y)}` : "");
  };

  // Pictures.
  const colors = () => {
    const style = getComputedStyle(panel);
    return Object.fromEntries(["ink", "d", "g", "soft"].map(
      key => [key, style.getPropertyValue("--" + key).trim()]));
  };
  const prepare = canvas => {  // as many pixels as the screen has
    const ratio = devicePixelRatio || 1;
    const w = canvas.clientWidth || 300, h = canvas.clientHeight || w;
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return [context, w, h];
  };
  const lattice = document.createElement("canvas");
  lattice.width = lattice.height = SIDE;
  const paintSurface = (context, size, surface, color) => {
    const small = lattice.getContext("2d"), image = small.createImageData(SIDE, SIDE);
    const rgb = [1, 3, 5].map(i => parseInt(color.slice(i, i + 2), 16));
    surface.forEach((d, i) => image.data.set([...rgb, 150 * d], 4 * i));
    small.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(lattice, 0, 0, size, size);
    // The line D = 1/2, a straight piece in each square of four neighbours.
    const side = size / SIDE;
    context.strokeStyle = color; context.lineWidth = 1.2;
    context.beginPath();
    for (let i = 0; i < SIDE - 1; i++) for (let j = 0; j < SIDE - 1; j++) {
      const at = [[j, i], [j + 1, i], [j + 1, i + 1], [j, i + 1]], hits = [];
      at.forEach(([x, y], k) => {
        const [X, Y] = at[(k + 1) % 4], a = surface[y * SIDE + x] - 0.5;
        const part = a / (a - surface[Y * SIDE + X] + 0.5);  // of the way from here to the next
        if (0 <= part && part < 1) hits.push([x + 0.5 + (X - x) * part, y + 0.5 + (Y - y) * part]);
      });
      hits.forEach(([x, y], k) => context[k % 2 ? "lineTo" : "moveTo"](x * side, y * side));
    }
    context.stroke();
  };
  const dots = (context, points, radius, place) => {
    context.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      const [x, y] = place(points[i], points[i + 1]);
      context.moveTo(x + radius, y); context.arc(x, y, radius, 0, 7);
    }
    context.fill();
  };
  const MOST = 400, pen = {x: 0, y: 0};
  const penned = () => value("data") === "drawn" && document.activeElement === board;
  let waiting = 0;
  const soon = () => {
    waiting ||= requestAnimationFrame(() => { waiting = 0; paint(); });
  };
  const paint = () => {
    if (!now) return;
    const c = colors(), {data} = settings(), {half, middle, modes} = DATA[data];
    let [context, size] = prepare(plane);
    const scale = size / (2 * half);
    const place = (x, y) => [(x - middle + half) * scale, size - (y - middle + half) * scale];
    context.clearRect(0, 0, size, size);
    if (show.surface.checked) paintSurface(context, size, now.surface, c.d);
    context.fillStyle = context.strokeStyle = c.ink;
    if (show.real.checked) {
      const points = data === "drawn" ? drawn.flat() : now.real;
      context.globalAlpha = 0.6; dots(context, points, 1.8, place); context.globalAlpha = 1;
      context.lineWidth = 1;
      for (const [x, y] of modes || []) {
        context.beginPath(); context.arc(...place(x, y), 5, 0, 7); context.stroke();
      }
    }
    context.fillStyle = context.strokeStyle = c.g;
    context.globalAlpha = 0.75; dots(context, now.made, 2.2, place); context.globalAlpha = 1;
    if (show.arrows.checked) {  // the steeper the slope the longer, by a logarithm
      context.lineWidth = 1.2; context.beginPath();
      for (let i = 0; i < now.arrows.length; i += 2) {
        const [dx, dy] = [now.arrows[i], now.arrows[i + 1]], slope = Math.hypot(dx, dy);
        const length = half * scale * Math.min(0.045 * Math.log2(1 + 10 * slope), 0.3);
        if (!(length > 1)) continue;
        const [x, y] = place(now.made[i], now.made[i + 1]), [u, v] = [dx / slope, -dy / slope];
        const [X, Y] = [x + length * u, y + length * v], head = Math.min(4, length / 2);
        context.moveTo(x, y); context.lineTo(X, Y);
        context.moveTo(X - head * (u + 0.6 * v), Y - head * (v - 0.6 * u)); context.lineTo(X, Y);
        context.lineTo(X - head * (u - 0.6 * v), Y - head * (v + 0.6 * u));
      }
      context.stroke();
    }
    if (penned()) {
      const [x, y] = place(pen.x, pen.y);
      context.strokeStyle = c.ink; context.lineWidth = 2; context.beginPath();
      context.moveTo(x - 9, y); context.lineTo(x + 9, y);
      context.moveTo(x, y - 9); context.lineTo(x, y + 9);
      context.stroke();
    }

    [context, size] = prepare(sheet);  // the sheet: a line after the other, of SIDE + 1 points each
    context.clearRect(0, 0, size, size);
    const points = now.sheet, length = 2 * (SIDE + 1), zoom = size / (2 * half);
    const spot = (x, y) => [(x - middle + half) * zoom, size - (y - middle + half) * zoom];
    context.lineWidth = 0.8;
    for (let i = 0; i < points.length; i += length) {
      context.strokeStyle = i < points.length / 2 ? c.g : c.soft;
      context.beginPath();
      for (let j = i; j < i + length; j += 2) context.lineTo(...spot(points[j], points[j + 1]));
      context.stroke();
    }
    paintLosses(c);
  };
  const paintLosses = c => {
    const [context, w, h] = prepare(losses), left = 30, bottom = 16;
    context.clearRect(0, 0, w, h);
    const fine = v => v !== null && isFinite(v), ends = balance();
    const values = [...history.flatMap(row => row.slice(1)).filter(fine), ...ends];
    const low = Math.max(-6, Math.min(0, ...values)), high = Math.min(6, Math.max(2, ...values));
    const steps = history.length ? Math.max(history[history.length - 1][0], 1) : 1;
    const {step, extra} = now, singles = extra.d + extra.g;
    const clip = v => Math.max(low, Math.min(high, v));
    const X = s => left + s / steps * (w - left - 4);
    const Y = v => 6 + (high - clip(v)) / (high - low) * (h - bottom - 6);
    context.fillStyle = context.strokeStyle = c.soft; context.lineWidth = 1;
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "right"; context.textBaseline = "middle";
    const every = high - low > 4 ? 2 : 1;
    for (let v = Math.ceil(low / every) * every; v <= high; v += every)
      context.fillText(v, left - 6, Y(v));
    context.textBaseline = "bottom";
    context.fillText(`step ${step.toLocaleString("en")}${singles ? ` + ${singles} updates` : ""}`,
      w - 4, h + 1);
    context.strokeRect(left, 6, w - left - 4, h - bottom - 6);
    [c.d, c.g].forEach((color, k) => {
      context.strokeStyle = context.fillStyle = color;
      context.setLineDash([4, 4]); context.lineWidth = 1; context.beginPath();
      context.moveTo(left, Y(ends[k])); context.lineTo(w - 4, Y(ends[k])); context.stroke();
      context.setLineDash([]); context.lineWidth = 1.5; context.beginPath();
      const rows = history.filter(row => fine(row[k + 1]));
      for (const row of rows) context.lineTo(X(row[0]), Y(row[k + 1]));
      context.stroke();
      if (rows.length < 20)
        for (const row of rows) context.fillRect(X(row[0]) - 2, Y(row[k + 1]) - 2, 4, 4);
    });
  };

  // Drawing the data: with a finger, a mouse, or arrow keys.
  const clip = v => Math.max(-DATA.drawn.half, Math.min(DATA.drawn.half, v));
  const put = (x, y) => {
    if (!own) { drawn = []; own = true; }
    if (drawn.length < MOST) drawn = [...drawn, [clip(x), clip(y)]];
    redrawn();
  };
  let sending = 0;
  const redrawn = () => {  // a finger is faster than the runner: once a picture is enough
    sending ||= requestAnimationFrame(() => {
      sending = 0;
      if (drawn.length) send({order: "drawn", drawn});
    });
    if (empty() && running) pause();
    mark();
    say();
    soon();
  };
  button(pens, "Wipe the drawing", () => { drawn = []; own = true; redrawn(); });
  button(pens, "Bring back the wave", () => { drawn = wave; own = false; redrawn(); });
  const drawing = () => board.classList.contains("drawing");
  const move = event => {
    const box = plane.getBoundingClientRect(), {half} = DATA.drawn;
    pen.x = clip((2 * (event.clientX - box.left) / box.width - 1) * half);
    pen.y = clip((1 - 2 * (event.clientY - box.top) / box.height) * half);
    const [x, y] = drawn[drawn.length - 1] || [9, 9];
    if (event.type === "pointerdown" || Math.hypot(pen.x - x, pen.y - y) > 0.05) put(pen.x, pen.y);
  };
  board.onpointerdown = event => {
    if (!drawing() || event.button) return;
    board.setPointerCapture(event.pointerId);
    move(event);
  };
  board.onpointermove = event => {
    if (drawing() && board.hasPointerCapture(event.pointerId)) move(event);
  };
  board.onkeydown = event => {
    if (!drawing()) return;
    const ways = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
    const by = ways[event.key];
    if (by) { pen.x = clip(pen.x + 0.08 * by[0]); pen.y = clip(pen.y + 0.08 * by[1]); }
    if (event.key === " " || by && event.shiftKey) put(pen.x, pen.y);
    else if (by) { say(); soon(); }
    else return;
    event.preventDefault();
  };
  board.onfocus = board.onblur = () => soon();

  // Changes: some begin a new game, the others act at once.
  for (const key in boxes) boxes[key].onchange = () => {
    if (RESTART.includes(key)) return reset();
    send({order: "set", options: settings()}); mark(); say(); soon();
  };
  seed.onchange = () => { seed.value = whole(seed.value); reset(); };
  preset.onchange = () => {
    const chosen = Object.values(presets)[preset.selectedIndex - 1];
    if (chosen) { apply({...plain, ...chosen.settings}); reset(); } else mark();
  };
  const follow = event => {
    const here = link.hash, wanted = read(location.hash);
    if (!wanted) return;
    apply(wanted); mark();
    if (event && link.hash === here) return;  // the link of this very game
    reset(); figure.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  document.addEventListener("visibilitychange", () => document.hidden && running && pause());
  new IntersectionObserver(entries => running && !entries.at(-1).isIntersecting && pause())
    .observe(figure);
  new ResizeObserver(soon).observe(board);
  new MutationObserver(soon).observe(document.documentElement, {attributes: true});

  // For the console, and for tests. `train` makes n steps at once and returns what there is to see.
  const train = (options, n) => {
    let seen;
    const handle = runner(snapshot => seen = snapshot, 0);
    handle({order: "reset", options, levels, drawn});
    handle({order: "steps", n});
    return seen;
  };
  Object.assign(figure, {game, coverage, train, settings, snapshot: () => now});
  still.hidden = true; still.after(panel);
  apply(start);
  reset();
  follow();
})();

(() => {
  const film = document.currentScript.parentElement, sheet = film.querySelector("img");
  const {columns, labels, scale} = JSON.parse(film.dataset.film);
  const start = () => {
    const canvas = document.createElement("canvas"), rows = Math.ceil(labels.length / columns);
    canvas.width = sheet.naturalWidth / columns; canvas.height = sheet.naturalHeight / rows;
    canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", sheet.alt);
    canvas.style.cssText = `display:block;width:${scale * canvas.width}px;max-width:100%`;
    const bar = document.createElement("div"), play = document.createElement("button");
    const range = document.createElement("input"), label = document.createElement("output");
    bar.style.cssText = "display:flex;flex-wrap:wrap;gap:.5em;align-items:center;margin-top:.4em";
    Object.assign(range, {type: "range", min: 0, max: labels.length - 1, value: labels.length - 1});
    range.setAttribute("aria-label", "moment"); range.style.flex = "1";
    play.type = "button"; play.textContent = "Play";
    const show = () => {
      const i = +range.value, w = canvas.width, h = canvas.height;
      canvas.getContext("2d").drawImage(
        sheet, (i % columns) * w, Math.floor(i / columns) * h, w, h, 0, 0, w, h);
      label.textContent = labels[i]; range.setAttribute("aria-valuetext", labels[i]);
    };
    let timer = 0;
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
    play.onclick = () => {
      if (timer) return stop();
      if (+range.value === labels.length - 1) range.value = 0;
      play.textContent = "Pause"; show();
      timer = setInterval(() => {
        if (+range.value === labels.length - 1) return stop();
        range.value = +range.value + 1; show();
      }, 150);
    };
    range.oninput = () => { stop(); show(); };
    bar.append(play, range, label); sheet.hidden = true; sheet.before(canvas, bar); show();
  };
  sheet.complete && sheet.naturalWidth ? start() : sheet.addEventListener("load", start);
})();

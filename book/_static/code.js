// A switch that opens all folded code of the book, but no solution and no mark of a checked sentence. It is remembered; each fold can
// still be opened and closed alone. Without this script the page has the folds and no switch.
(() => {
  const folds = document.querySelectorAll("details.fold:not(.solution, .checked)");
  const place = document.querySelector(".article-header-buttons");
  if (!folds.length || !place) return;
  const key = "all-code";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-switch";
  button.textContent = "Show all code";
  let all = false;
  try { all = localStorage.getItem(key) === "shown"; } catch { /* storage is switched off */ }
  const show = () => {
    for (const fold of folds) fold.open = all;
    button.setAttribute("aria-pressed", all);
  };
  button.addEventListener("click", () => {
    // What the reader looks at stays where it is on the screen: the first line or picture, for a
    // cell may grow in its middle.
    const parts = ".bd-article :is(h1, h2, h3, h4, p, li, tr, pre, img, svg, summary)";
    const seen = [...document.querySelectorAll(parts)].find((part) => {
      const box = part.getBoundingClientRect();
      return box.height && box.top > 60;
    });
    const top = seen?.getBoundingClientRect().top;
    all = !all;
    show();
    if (seen) scrollBy({top: seen.getBoundingClientRect().top - top, behavior: "instant"});
    try { localStorage.setItem(key, all ? "shown" : "folded"); } catch { /* not remembered, then */ }
  });
  show();
  place.prepend(button);
})();

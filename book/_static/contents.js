// The contents beside a page say where the reader is, after a jump too, and scroll along. Who went to a
// section is there as long as its heading is in sight at the top, though the next one be close below it.
(() => {
  const nav = document.getElementById("pst-page-toc-nav");
  if (!nav) return;
  nav.removeAttribute("id");  // else the theme's own script would mark what last came into view
  const links = [...nav.querySelectorAll("a[href^='#']")];
  const places = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  let waits = false, marked;
  const mark = () => {
    waits = false;
    const high = innerHeight * 0.3, end = document.documentElement.scrollHeight - innerHeight;
    const top = (place) => place?.getBoundingClientRect().top;
    let here = places.findLastIndex((place) => top(place) <= high);
    const went = places.findLastIndex((place) => place?.matches(":target"));
    // At the page's end the last sections cannot reach the top.
    if (top(places[went]) > -2 && (top(places[went]) <= high || scrollY >= end - 2)) here = went;
    if (links[here] === marked) return;
    marked?.removeAttribute("aria-current");
    marked = links[here];
    marked?.setAttribute("aria-current", "true");
    for (const link of links) link.classList.toggle("active", link === marked);
    for (const entry of nav.querySelectorAll(".toc-entry"))
      entry.classList.toggle("active", entry.contains(marked ?? null));
    const box = nav.closest(".bd-sidebar-secondary");
    if (!marked || !box) return;
    const line = marked.getBoundingClientRect(), frame = box.getBoundingClientRect();
    if (line.top < frame.top || line.bottom > frame.bottom)
      box.scrollTop += line.top - frame.top - frame.height / 3;
  };
  const soon = () => {
    if (!waits) requestAnimationFrame(mark);
    waits = true;
  };
  addEventListener("scroll", soon, {passive: true});
  addEventListener("resize", soon);
  addEventListener("hashchange", soon);  // such a jump may need no scrolling
  mark();
})();

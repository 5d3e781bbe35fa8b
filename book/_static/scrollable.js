// A formula, a table, a figure or code that is wider than the page scrolls inside itself. Let the
// keyboard reach it, and let its edge fade while there is more to come.
const wide = ".katex-display, .cell_output .output, .picture, .pst-scrollable-table-container, .bd-article pre";
const fade = (box) => box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
const scrollable = () => {
  for (const box of document.querySelectorAll(wide)) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else if (box.tabIndex === 0) box.removeAttribute("tabindex");  // a hit of the search keeps its -1
    fade(box);
  }
};
addEventListener("load", scrollable);
new ResizeObserver(scrollable).observe(document.querySelector(".bd-article"));  // the bars at its sides come later
document.addEventListener("toggle", scrollable, true);  // what was folded has a width now
document.addEventListener("scroll", ({target}) => target.matches?.(wide) && fade(target), true);

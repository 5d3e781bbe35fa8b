// A formula, a figure or an output that is wider than the page scrolls inside itself. Let the keyboard reach it.
const scrollable = () => {
  for (const box of document.querySelectorAll(".katex-display, .cell_output .output, .picture"))
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
};
addEventListener("load", scrollable);
addEventListener("resize", scrollable);

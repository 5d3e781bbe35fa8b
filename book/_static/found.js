// A hit of the search leads to a section, with its words in the address. Here the passage of that
// section that has most of them is marked, opened if it is folded, and brought into view.
// What a word is, and where it begins, is said here for the search page too.
const finding = {
  // Small letters without accents; every letter keeps its place in the text.
  fold: (text) => text.toLowerCase().replace(/[^\x00-\x7f]/g, (c) => c.normalize("NFD")[0]),
  split: (text) => finding.fold(text).match(/[\p{L}\p{N}]+/gu) ?? [],
  start: (text, flags = "u") => new RegExp(`(?<![\\p{L}\\p{N}])${text}`, flags),
  phrase: (words) => finding.start(words.join("[^\\p{L}\\p{N}]+")),
  whole: (words) => finding.start(`(?:${words.join("|")})[\\p{L}\\p{N}]*`, "gu"),
};
(() => {
  const query = new URLSearchParams(location.search).get("find");
  if (!query) return;
  const {fold, split, start, phrase, whole} = finding;
  const words = split(query);
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const room = place?.closest("dl, section, article") ?? document.querySelector("article");
  if (!words.length || !room) return;
  const patterns = [...words.map((word) => start(word)), phrase(words)];
  // A formula cannot be marked.
  const textsOf = (block) => {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode())
      if (!walker.currentNode.parentElement.closest(".katex")) texts.push(walker.currentNode);
    return texts;
  };
  let best = null, most = 0;
  for (const block of room.querySelectorAll("p, li, dt, dd, td, th, pre, figcaption, h1, h2, h3, h4")) {
    if (block.closest(".strip, dialog, .asserted")) continue;
    const text = fold(textsOf(block).map((node) => node.data).join(""));
    // Its own section goes before one inside it, and a sentence before a heading or code.
    const has = 2 * patterns.filter((pattern) => pattern.test(text)).length;
    const near = (block.closest("dl, section, article") === room) - 0.5 * /^(H.|PRE)$/.test(block.tagName);
    const score = has && has + near;
    if (score > most) [best, most] = [block, score];
  }
  if (!best) return;
  for (let box = best.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  for (const text of textsOf(best))
    for (const {0: word, index} of [...fold(text.data).matchAll(whole(words))].reverse()) {
      const mark = document.createElement("mark");
      const part = text.splitText(index);
      part.splitText(word.length);
      part.replaceWith(mark);
      mark.append(part);
    }
  best.tabIndex = -1;
  const go = () => {
    best.focus({preventScroll: true});
    best.scrollIntoView({block: "center", behavior: "instant"});
  };
  go();
  addEventListener("load", () => setTimeout(go));  // the browser goes to the section, and takes the focus along
})();

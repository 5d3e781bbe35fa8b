// The search page: finds sections in the book's index (search-index.js) and shows their sentences.
// All words of the query must be there, as the beginnings of words. A word that the book does not
// have is taken for the nearest one that it has. Works from a folder; nothing is sent anywhere.
// `finding` is in found.js, which every page loads.
(() => {
  const SHOWN = 20, BEFORE = 60, LENGTH = 220;
  const field = document.getElementById("search-field");
  const list = document.getElementById("search-results");
  const said = document.getElementById("search-said");
  const more = document.getElementById("search-more");
  if (!window.bookIndex) {
    said.textContent = "The index did not load. The glossary and the contents lead on as well.";
    return;
  }
  const {fold, split, start, phrase, whole} = finding;
  const pages = bookIndex.pages.map(([address, title]) => ({address, title, folded: fold(title)}));
  const sections = bookIndex.sections.map(([page, anchor, title, text]) => (
    {page: pages[page], anchor, title, text, head: fold(title), body: fold(text)}));
  const isLesson = ({address}) => address.startsWith("notebooks/") && !address.includes("_evidence");

  const vocabulary = new Map();
  for (const {head, body} of sections)
    for (const word of split(`${head} ${body}`)) vocabulary.set(word, (vocabulary.get(word) ?? 0) + 1);
  const known = [...vocabulary.keys()];

  // How many letters to change, to leave out, to put in, or to swap with the next one.
  const distance = (a, b) => {
    let before = [], last = [...Array(b.length + 1).keys()];
    for (let i = 1; i <= a.length; i++) {
      const row = [i];
      for (let j = 1; j <= b.length; j++) {
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] !== b[j - 1]));
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
          row[j] = Math.min(row[j], before[j - 2] + 1);
      }
      [before, last] = [last, row];
    }
    return last[b.length];
  };
  const nearest = (word) => {
    if (known.some((other) => other.startsWith(word))) return word;
    const allowed = word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
    let best = word, least = allowed + 1;
    for (const other of known) {
      if (Math.abs(other.length - word.length) > allowed) continue;
      const far = distance(word, other);
      if (far < least || (far === least && least <= allowed && vocabulary.get(other) > vocabulary.get(best)))
        [best, least] = [other, far];
    }
    return best;
  };

  const search = (words) => {
    const patterns = words.map((word) => start(word, "gu"));
    const together = phrase(words);
    const hits = [];
    for (const section of sections) {
      let score = 0, has = 0;
      for (const pattern of patterns) {
        const inTitle = section.head.match(pattern) ? 12 : section.page.folded.match(pattern) ? 4 : 0;
        const inText = section.body.match(pattern)?.length ?? 0;
        has += inTitle + inText > 0;
        score += inTitle + Math.min(inText, 5);
      }
      // The title of a page alone makes no section of it a hit.
      if (!patterns.some((pattern) => (section.head + " " + section.body).match(pattern))) continue;
      if (words.length > 1) score += 15 * (together.test(section.head) + together.test(section.body));
      hits.push({section, score: score + 3 * isLesson(section.page), has});
    }
    const most = Math.max(0, ...hits.map((hit) => hit.has));
    return {most, hits: hits.filter((hit) => hit.has === most).sort((a, b) => b.score - a.score)};
  };

  const marked = (text, words) => {
    const parts = [];
    let end = 0;
    for (const {0: word, index} of fold(text).matchAll(whole(words))) {
      const mark = document.createElement("mark");
      mark.textContent = text.slice(index, index + word.length);
      parts.push(text.slice(end, index), mark);
      end = index + word.length;
    }
    return [...parts, text.slice(end)];
  };
  const excerpt = ({text, body}, words) => {
    const places = [phrase(words), ...words.map((word) => start(word))].map((found) => body.search(found));
    const place = places.find((found) => found >= 0) ?? 0;
    const from = place > BEFORE ? text.indexOf(" ", place - BEFORE) + 1 : 0;
    const stop = from + LENGTH < text.length ? text.lastIndexOf(" ", from + LENGTH) : text.length;
    return (from ? "… " : "") + text.slice(from, stop > place ? stop : from + LENGTH) + (stop < text.length ? " …" : "");
  };
  const element = (name, ...content) => {
    const made = document.createElement(name);
    made.append(...content);
    return made;
  };
  const item = ({section}, words) => {
    const link = element("a", ...marked(section.title, words));
    link.href = `${section.page.address}?find=${encodeURIComponent(words.join(" "))}#${section.anchor}`;
    const where = section.title === section.page.title ? [] : [element("span", section.page.title)];
    return element("li", link, ...where, element("p", ...marked(excerpt(section, words), words)));
  };

  const show = () => {
    const typed = split(field.value);
    list.replaceChildren();
    more.hidden = true;
    said.textContent = "";
    if (!typed.length) return;
    const words = typed.map(nearest);
    const {most, hits} = search(words);
    const places = `${hits.length} ${hits.length === 1 ? "place" : "places"}`;
    const changed = words.some((word, i) => word !== typed[i]) ? ` for “${words.join(" ")}”` : "";
    if (!hits.length) said.textContent = "Nothing found. Try another word, or look into the glossary.";
    else if (most < words.length) said.textContent = `No place has all the words. ${places} with some of them${changed}:`;
    else said.textContent = `${places}${changed}:`;
    const add = (some) => list.append(...some.map((hit) => item(hit, words)));
    add(hits.slice(0, SHOWN));
    more.hidden = hits.length <= SHOWN;
    more.textContent = `Show all ${hits.length}`;
    more.onclick = () => {
      more.hidden = true;
      add(hits.slice(SHOWN));
      list.children[SHOWN].querySelector("a").focus();
    };
  };

  let waiting;
  const changed = () => {
    show();
    const query = field.value.trim();
    try { history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : "?"); } catch { /* a folder may not */ }
    document.title = `${query ? `${query} - ` : ""}Search - GANs You Can Run`;
  };
  field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(changed, 200); });
  field.form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); changed(); });
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  show();
  if (!field.value) field.focus();
})();

// A citation, a term, a formula or a figure shows itself in a card beside its link: pointed at or
// focused, as a description of the link; tapped, as a small dialog. Without this script, and for a
// second tap, the link is a link.
(() => {
  const told = JSON.parse(document.getElementById("lookups")?.textContent ?? "{}");
  const card = document.createElement("div");
  card.id = card.className = "lookup";
  card.tabIndex = -1;
  card.hidden = true;
  let shown = null, timer = 0, finger = false, returns = false;

  const content = (link) => {
    const address = link.getAttribute("href");
    const box = document.createElement("div");
    box.innerHTML = told[address] ?? told[`${address} ${link.textContent}`] ?? "";
    if (box.hasChildNodes()) return box;
    const target = address[0] === "#" && document.getElementById(decodeURIComponent(address.slice(1)));
    const part = target && (target.closest("#glossary section section")?.querySelector("p")
      ?? target.closest("figure, .math, .bd-article li[id]"));
    if (!part) return null;
    const copy = part.cloneNode(true);
    for (const extra of copy.querySelectorAll("button, .headerlink, script")) extra.remove();
    for (const named of [copy, ...copy.querySelectorAll("[id], [tabindex]")]) {
      named.removeAttribute("id");
      named.removeAttribute("tabindex");
    }
    for (const image of copy.querySelectorAll("img")) image.loading = "eager";
    box.append(copy);
    return box;
  };

  const hide = () => {
    clearTimeout(timer);
    if (!shown) return;
    const link = shown, back = card.contains(document.activeElement);
    shown = null;
    link.removeAttribute("aria-describedby");
    card.hidden = true;
    returns = true;  // the card need not come back with the focus
    if (back) link.focus({preventScroll: true});
    returns = false;
  };

  const show = (link, dialog) => {
    clearTimeout(timer);
    if (shown === link) return true;
    const box = content(link);
    if (!box) return false;
    hide();
    shown = link;
    card.replaceChildren(box);
    card.setAttribute("role", dialog ? "dialog" : "tooltip");
    if (dialog) {
      const row = document.createElement("p"), close = document.createElement("button");
      const there = document.createElement("a");
      there.href = link.href;
      there.textContent = "Go there";
      there.addEventListener("click", () => setTimeout(hide));
      close.type = "button";
      close.textContent = "Close";
      close.addEventListener("click", hide);
      row.append(there, close);
      card.append(row);
      card.setAttribute("aria-label", link.textContent.trim());
    } else {
      card.removeAttribute("aria-label");
      link.setAttribute("aria-describedby", card.id);
    }
    card.hidden = false;
    // Below the link's line, or above it where there is more room.
    const line = link.getClientRects()[0], room = document.documentElement.clientWidth - 8;
    const above = innerHeight - line.bottom < card.offsetHeight + 8 && line.top > card.offsetHeight + 8;
    card.style.left = `${scrollX + Math.max(8, Math.min(line.left, room - card.offsetWidth))}px`;
    card.style.top = `${scrollY + (above ? line.top - card.offsetHeight - 6 : line.bottom + 6)}px`;
    if (dialog) card.focus({preventScroll: true});
    return true;
  };

  const linkOf = (event) => event.target.closest?.(".bd-article a.reference.internal");
  document.addEventListener("pointerdown", (event) => {
    finger = event.pointerType === "touch";
    if (shown && !card.contains(event.target) && linkOf(event) !== shown) hide();
  });
  document.addEventListener("click", (event) => {
    const link = linkOf(event);
    if (link && finger && event.detail && shown !== link && show(link, true)) event.preventDefault();
    else if (link) hide();
  });
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const link = linkOf(event);
    clearTimeout(timer);
    if (link) timer = setTimeout(() => { if (!show(link, false)) hide(); }, 250);
    else if (shown && shown !== document.activeElement && card.getAttribute("role") === "tooltip"
      && !card.contains(event.target)) timer = setTimeout(hide, 250);
  });
  document.addEventListener("focusin", (event) => {
    if (returns) return;
    const link = linkOf(event);
    if (link?.matches(":focus-visible") && show(link, false)) return;
    if (shown && event.target !== shown && !card.contains(event.target)) hide();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("resize", hide);
  document.body.append(card);
})();

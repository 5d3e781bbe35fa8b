// Any picture in full size: a click or a tap on it, or its button, which the keyboard reaches. A lesson's
// own picture has no caption for a button and is one itself, unless it is shown enlarged already.
(() => {
  const dialog = document.createElement("dialog");
  const room = document.createElement("div");
  const close = document.createElement("button");
  dialog.className = "zoom";
  dialog.setAttribute("aria-label", "The picture in full size");
  room.className = "zoom-room";
  room.tabIndex = 0;  // what is larger than the screen scrolls, by the arrow keys too
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") dialog.close();  // the theme keeps this key from the browser
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target === room) dialog.close();
  });
  dialog.append(close, room);

  const open = (image, button) => {
    if (!dialog.isConnected) document.body.append(dialog);
    const large = new Image();
    large.alt = image.alt;
    large.src = image.currentSrc || image.src;
    room.replaceChildren(large);
    button.focus({preventScroll: true});  // where the focus returns to
    dialog.showModal();
    // At least in its own size; larger, up to twice, where the screen has room. A picture for sharp
    // screens has more pixels than its size.
    const width = +image.getAttribute("width") || image.naturalWidth;
    const height = (image.naturalHeight * width) / image.naturalWidth;
    const fits = Math.min(2 * width, room.clientWidth, (room.clientHeight * width) / height);
    large.style.width = `${Math.max(width, Math.floor(fits))}px`;
  };

  for (const image of document.querySelectorAll(".bd-article .picture img")) {
    const caption = image.closest("figure").querySelector("figcaption");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    const words = (caption.querySelector(".caption-text")?.textContent || image.alt).split(/[.;] /)[0];
    button.setAttribute("aria-label", `Enlarge: ${words}`);
    button.addEventListener("click", () => open(image, button));
    image.addEventListener("click", () => open(image, button));
    caption.prepend(button);
  }
  for (const image of document.querySelectorAll(".bd-article .result:not(.enlarged)")) {
    image.tabIndex = 0;
    image.setAttribute("role", "button");
    image.setAttribute("aria-label", `Enlarge: ${image.alt}`);
    image.addEventListener("click", () => open(image, image));
    image.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();  // the space would scroll
      open(image, image);
    });
  }
})();

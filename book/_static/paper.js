// Paper is white: a page that is read in the dark comes out of the printer in the light colours.
(() => {
  const page = document.documentElement.dataset;
  let theme;
  addEventListener("beforeprint", () => { theme = page.theme; page.theme = "light"; });
  addEventListener("afterprint", () => { page.theme = theme; });

  // The browser's own print dialog saves as PDF. Pictures far down are loaded first, and stills of films.
  const button = document.querySelector(".to-paper");
  if (!button) return;
  button.addEventListener("click", async () => {
    const stills = [...document.querySelectorAll("source[media*=print]")].map((still) => [still, still.media]);
    for (const [still] of stills) still.media = "all";
    for (const image of document.images) image.loading = "eager";
    await Promise.allSettled([...document.images].map((image) => image.decode()));
    print();
    for (const [still, media] of stills) still.media = media;
  });
})();

// Tells the kernel which pixel of a map a person points at. The maps are plain <img> elements of ipywidgets; this
// widget shows nothing of its own, so where it cannot be loaded all pictures and the row and column sliders still work.
function render({ model, el }) {
  const pictures = () => document.querySelectorAll(`img.${model.get("target")}`);
  let waiting = false;

  function report(event) {
    const picture = event.target.closest?.(`img.${model.get("target")}`);
    if (!picture || !model.get("listening")) return;
    const box = picture.getBoundingClientRect();
    const cell = (at, from, length, count) =>
      Math.min(count - 1, Math.max(0, Math.floor(((at - from) / length) * count)));
    const pixel = [
      cell(event.clientY, box.top, box.height, model.get("rows")),
      cell(event.clientX, box.left, box.width, model.get("columns")),
    ];
    model.set("pixel", pixel);
    model.save_changes();
  }

  function follow(event) {
    if (!model.get("follow") || waiting) return; // at most one report per drawn frame
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      report(event);
    });
  }

  function name() {
    const texts = model.get("texts"); // what a screen reader says of each picture
    pictures().forEach((picture) => {
      const key = [...picture.classList].find((word) => word in texts);
      if (key) picture.alt = texts[key];
    });
  }

  document.addEventListener("click", report);
  document.addEventListener("pointermove", follow);
  model.on("change:texts", name);
  const once = setTimeout(name, 0); // after the pictures beside this widget are in the page
  el.hidden = true;
  return () => {
    clearTimeout(once);
    document.removeEventListener("click", report);
    document.removeEventListener("pointermove", follow);
    model.off("change:texts", name);
  };
}

export default { render };

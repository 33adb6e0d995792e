// Keys without a modifier, pressed while an explorer has the focus, move the explorer. Jupyter Notebook 7 would take
// them first, for shortcuts of its own (the arrows walk through headings); this attribute tells its keyboard to wait.
function render({ el }) {
  function keep(event) {
    if (!el.closest(".jp-OutputArea-output")?.contains(event.target)) return;
    const plain = !(event.ctrlKey || event.metaKey || event.altKey);
    event.target.toggleAttribute("data-lm-suppress-shortcuts", plain);
  }

  window.addEventListener("keydown", keep, true); // before the document, where the notebook listens
  el.hidden = true;
  return () => window.removeEventListener("keydown", keep, true);
}

export default { render };

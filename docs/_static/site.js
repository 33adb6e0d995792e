// Boxes that scroll sideways can be reached and scrolled by keyboard too.
for (const box of document.querySelectorAll("article pre, .table-wrapper")) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", box.tagName === "PRE" ? "code, scrolls sideways" : "table, scrolls sideways");
  }
}

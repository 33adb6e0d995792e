// Boxes that scroll sideways can be reached and scrolled by keyboard too.
for (const box of document.querySelectorAll("article pre, .table-wrapper")) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", box.tagName === "PRE" ? "code, scrolls sideways" : "table, scrolls sideways");
  }
}

// What the theme leaves unsaid to screen readers: the level of the menu's headings, the names of the two side bars.
for (const caption of document.querySelectorAll('.caption[role="heading"]')) caption.setAttribute("aria-level", "2");
document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "site");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "this page");

// A table that is wider than the screen can be scrolled with the keyboard (WCAG 2.1.1).
const update = () => {
  for (const table of document.querySelectorAll(".sl-markdown-content table")) {
    if (table.scrollWidth > table.clientWidth) table.setAttribute("tabindex", "0");
    else table.removeAttribute("tabindex");
  }
};
addEventListener("DOMContentLoaded", update);
addEventListener("resize", update);

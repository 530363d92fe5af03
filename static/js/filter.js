// Shows only the entries that hold every typed word. Without scripts the search field stays hidden and the list whole.
// Folds with nothing to show go, the others open.
// <input data-filter="scopes"> … <div id="scopes"><label data-filter-text="words to find it by, if not those it shows">
function filter(input) {
  const list = document.getElementById(input.dataset.filter);
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const seen = new Set(); // what stands in two folds is shown once
  let shown = 0;
  for (const entry of list.querySelectorAll("[data-filter-text]")) {
    const text = (entry.dataset.filterText || entry.textContent).toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word)) || (words.length > 0 && seen.has(entry.href));
    if (!entry.hidden && entry.href) seen.add(entry.href);
    shown += entry.hidden ? 0 : 1;
  }
  for (const fold of list.querySelectorAll("details")) {
    fold.hidden = !fold.querySelector("[data-filter-text]:not([hidden])");
    if (words.length) fold.open = true;
  }
  const none = list.querySelector("[data-filter-none]");
  if (none) none.hidden = shown > 0;
}

for (const input of document.querySelectorAll("[data-filter]")) {
  input.closest("[hidden]")?.removeAttribute("hidden");
  input.addEventListener("input", () => filter(input));
  // One without a name is there for filtering only: Enter must not send the form around it.
  if (!input.name) input.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
}

// "3 of 87 chosen", kept true while boxes are ticked: <span data-count-of="scopes">.
for (const output of document.querySelectorAll("[data-count-of]")) {
  const list = document.getElementById(output.dataset.countOf);
  list.addEventListener("change", () => (output.textContent = list.querySelectorAll("input:checked").length));
}

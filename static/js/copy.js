// Copies the field or element that data-copy names, and says so. Without scripts its button stays hidden.
const SAID_FOR_MS = 2000;

const textOf = (element) => ("value" in element ? element.value : element.textContent);

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(textOf(source));
    label.textContent = "Copied";
  } catch {
    source.select?.();
    label.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (label.textContent = before), SAID_FOR_MS);
}

function attach(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches(".copyfield input[readonly]")) event.target.select();
});
document.addEventListener("htmx:load", (event) => attach(event.target));
attach(document);

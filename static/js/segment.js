// Turns sections that stand below one another into tabs; without scripts all of them are shown.
// <div data-segment="Language" id="calls"> <section data-tab="curl"> … </section> … </div>; the buttons go before it,
// or into the element that data-segment-bar="calls" marks.
function segment(box) {
  const panels = [...box.querySelectorAll("[data-tab]")];
  if (panels.length < 2) return;
  const bar = document.createElement("div");
  bar.className = "segment";
  bar.setAttribute("role", "tablist");
  bar.setAttribute("aria-label", box.dataset.segment);
  const buttons = panels.map((panel, index) => {
    const button = document.createElement("button");
    panel.id ||= `${box.id}-panel-${index}`;
    panel.setAttribute("role", "tabpanel");
    button.type = "button";
    button.id = `${panel.id}-tab`;
    button.textContent = panel.dataset.tab;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", panel.id);
    panel.setAttribute("aria-labelledby", button.id);
    button.addEventListener("click", () => show(index));
    return button;
  });

  function show(chosen) {
    panels.forEach((panel, index) => (panel.hidden = index !== chosen));
    buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", index === chosen);
      button.tabIndex = index === chosen ? 0 : -1;
    });
  }

  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[next].focus();
    show(next);
  });
  bar.append(...buttons);
  const place = document.querySelector(`[data-segment-bar="${box.id}"]`);
  if (place) place.append(bar);
  else box.before(bar);
  box.querySelectorAll("[data-tab-title]").forEach((title) => (title.hidden = true));
  show(0);
}

document.querySelectorAll("[data-segment]").forEach(segment);

// Adds blank rows to a table of text boxes; without a script there are blank rows at its end already.
const renumber = (row, index) => {
  for (const input of row.querySelectorAll("input")) {
    input.name = input.name.replace(/\.\d+\.([^.]+)$/, `.${index}.$1`);
    input.value = "";
    input.ariaLabel = input.ariaLabel.replace(/\d+$/, index + 1);
  }
};

for (const rows of document.querySelectorAll("[data-rows]")) {
  const add = rows.querySelector("[data-rows-add]");
  add.hidden = false;
  add.addEventListener("click", () => {
    const there = rows.querySelectorAll("[data-row]");
    const row = there[there.length - 1].cloneNode(true);
    renumber(row, there.length);
    add.before(row);
    row.querySelector("input").focus();
  });
}

// Fills a link name from the name that is typed, until the link name itself is edited.
const MAX_LENGTH = 50;

const suggested = (name) =>
  name
    .normalize("NFKD")
    .replace(/[^\x00-\x7f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+/, "")
    .slice(0, MAX_LENGTH)
    .replace(/^_+|_+$/g, "");

for (const target of document.querySelectorAll("[data-link-name-from]")) {
  const source = document.getElementById(target.dataset.linkNameFrom);
  let follows = target.value === "" || target.value === suggested(source.value);
  target.addEventListener("input", () => (follows = target.value === ""));
  source.addEventListener("input", () => {
    if (follows) target.value = suggested(source.value);
  });
}

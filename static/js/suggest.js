// A choice that usually goes with another: <div data-suggests="id_a=id_b id_c=id_d">, until the other group is touched.
for (const group of document.querySelectorAll("[data-suggests]")) {
  const pairs = new Map(group.dataset.suggests.split(" ").map((pair) => pair.split("=")));
  let isTouched = false;
  group.addEventListener("change", (event) => {
    const other = document.getElementById(pairs.get(event.target.id));
    if (!other) isTouched = true;
    else if (!isTouched) other.checked = true;
  });
}
